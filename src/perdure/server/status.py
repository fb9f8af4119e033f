"""`/runtime`: what this server is, and what goes on."""

from __future__ import annotations

import os
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.version import __version__
from perdure.control.overview import Overview
from perdure.control.reloading import Reloaded

from .endpoint import Call, Endpoint


class RuntimeStatus(msgspec.Struct, frozen=True):
    """`requests` came in since the start, and `cost_microusd` is what models cost since. `problems` are files that are
    wrong, and why: their agents stay what they were. `reloaded` is the last time that files had changed."""

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
    meter = runtime.engine.meter
    return RuntimeStatus(
        runtime.project.name,
        __version__,
        os.getpid(),
        runtime.engine.worker,
        site.started_at,
        runtime.clock.now() - site.started_at,
        site.requests,
        0 if meter is None else sum(meter.cost.values()),
        site.stopping.is_set(),
        runtime.reloads.problems,
        runtime.reloads.last,
    )


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=200, description="Runs and agents at most.")] = 20


async def overview(call: Call[Any, Shown]) -> Overview:
    return await call.runtime.overview(limit=call.query.limit)


ENDPOINTS = (
    Endpoint("GET", "/runtime/status", status, scope="read", answer=RuntimeStatus),
    Endpoint("GET", "/runtime/overview", overview, scope="read", query=Shown, answer=Overview),
)
