"""The table of all endpoints. The first whose path fits answers."""

from __future__ import annotations

from typing import Any

from . import (
    agents,
    approvals,
    bus,
    files,
    health,
    invoke,
    keys,
    login,
    metrics,
    openapi,
    runs,
    specs,
    status,
    traces,
)
from .compatible import anthropic_messages, models, openai_chat, openai_responses
from .endpoint import Endpoint

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    *invoke.ENDPOINTS,
    *health.ENDPOINTS,
    *runs.ENDPOINTS,
    *approvals.ENDPOINTS,
    *traces.ENDPOINTS,
    *bus.ENDPOINTS,
    *specs.ENDPOINTS,
    *status.ENDPOINTS,
    *metrics.ENDPOINTS,
    *openapi.ENDPOINTS,
    *keys.ENDPOINTS,
    *login.ENDPOINTS,
    *openai_chat.ENDPOINTS,
    *openai_responses.ENDPOINTS,
    *anthropic_messages.ENDPOINTS,
    *models.ENDPOINTS,
    *agents.ENDPOINTS,
    *files.ENDPOINTS,
)
