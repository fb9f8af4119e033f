"""The table of all endpoints. The first whose path fits answers."""

from __future__ import annotations

from typing import Any

from . import agents, approvals, files, health, invoke, openapi, runs, specs, status, traces
from .endpoint import Endpoint

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    *invoke.ENDPOINTS,
    *health.ENDPOINTS,
    *runs.ENDPOINTS,
    *approvals.ENDPOINTS,
    *traces.ENDPOINTS,
    *specs.ENDPOINTS,
    *status.ENDPOINTS,
    *openapi.ENDPOINTS,
    *agents.ENDPOINTS,
    *files.ENDPOINTS,
)
