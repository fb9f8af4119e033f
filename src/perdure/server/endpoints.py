"""The table of all endpoints. The first whose path fits answers."""

from __future__ import annotations

from typing import Any

from . import (
    agents,
    approvals,
    budget,
    bus,
    events,
    files,
    health,
    invoke,
    keys,
    login,
    manual,
    metrics,
    openapi,
    reloads,
    runs,
    spawn,
    specs,
    status,
    traces,
)
from .agui import threads
from .compatible import anthropic_messages, models, openai_chat, openai_responses
from .endpoint import Endpoint
from .page import assets
from .webhooks import deliveries

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    *invoke.ENDPOINTS,
    *health.ENDPOINTS,
    *runs.ENDPOINTS,
    *approvals.ENDPOINTS,
    *events.ENDPOINTS,
    *traces.ENDPOINTS,
    *bus.ENDPOINTS,
    *specs.ENDPOINTS,
    *spawn.ENDPOINTS,
    *budget.ENDPOINTS,
    *deliveries.ENDPOINTS,
    *status.ENDPOINTS,
    *reloads.ENDPOINTS,
    *metrics.ENDPOINTS,
    *openapi.ENDPOINTS,
    *manual.ENDPOINTS,
    *keys.ENDPOINTS,
    *login.ENDPOINTS,
    *openai_chat.ENDPOINTS,
    *openai_responses.ENDPOINTS,
    *anthropic_messages.ENDPOINTS,
    *models.ENDPOINTS,
    *assets.ENDPOINTS,
    *threads.ENDPOINTS,
    *agents.ENDPOINTS,
    *files.ENDPOINTS,
)
