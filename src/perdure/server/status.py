"""`/runtime/status`: what this server is, and what it is at."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from perdure.base.version import __version__
from perdure.control.listing import cost_since
from perdure.control.reloading import Reloaded

from .endpoint import Call, Endpoint


class RuntimeStatus(msgspec.Struct, frozen=True):
    """`requests` came in since the start, and `cost_microusd` is what runs cost that began since, of the newest ten
    thousand. `problems` are files that are wrong, and why: their agents stay what they were. `reloaded` is the last
    time that files had changed."""

    project: str
    version: str
    pid: int
    worker: str
    started_at: int
    uptime_ms: int
    requests: int
    cost_microusd: int
    is_stopping: bool
    problems: dict[str, str]
    reloaded: Reloaded | None


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
        await cost_since(runtime, site.started_at),
        site.stopping.is_set(),
        runtime.reloads.problems,
        runtime.reloads.last,
    )


ENDPOINTS = (Endpoint("GET", "/runtime/status", status, scope="read", answer=RuntimeStatus),)
