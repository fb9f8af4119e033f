"""`/runtime/status`: what this server is, and what it is at."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from perdure.base.version import __version__

from .endpoint import Call, Endpoint


class RuntimeStatus(msgspec.Struct, frozen=True):
    """`requests` came in since the start. Files in `undeployed` are wrong, and keep their agents from waking."""

    project: str
    version: str
    pid: int
    worker: str
    started_at: int
    uptime_ms: int
    requests: int
    is_stopping: bool
    undeployed: dict[str, str]


async def status(call: Call[Any, Any]) -> RuntimeStatus:
    site, runtime = call.site, call.runtime
    return RuntimeStatus(
        runtime.project.name,
        __version__,
        os.getpid(),
        runtime.engine.worker,
        site.started_at,
        runtime.clock.now() - site.started_at,
        site.requests,
        site.stopping.is_set(),
        {file: error.message for file, error in runtime.undeployed.items()},
    )


ENDPOINTS = (Endpoint("GET", "/runtime/status", status, scope="read", answer=RuntimeStatus),)
