"""`/runtime`: what this server is, and what goes on."""

from __future__ import annotations

import os
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.version import __version__
from perdure.control.overview import Overview

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


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=200, description="Runs and agents at most.")] = 20


async def overview(call: Call[Any, Shown]) -> Overview:
    return await call.runtime.overview(limit=call.query.limit)


ENDPOINTS = (
    Endpoint("GET", "/runtime/status", status, scope="read", answer=RuntimeStatus),
    Endpoint("GET", "/runtime/overview", overview, scope="read", query=Shown, answer=Overview),
)
