"""`/runtime/reloads`: files that were taken up or refused, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from perdure.control.reloading import Reloaded

from .endpoint import Call, Endpoint
from .reply import Events
from .sse import frame


async def reloads(call: Call[Any, Any]) -> Events:
    return Events(_frames(call))


async def _frames(call: Call[Any, Any]) -> AsyncIterator[bytes]:
    """The last time that files had changed, then each that follows."""
    reloads = call.runtime.reloads
    heard: asyncio.Queue[Reloaded] = asyncio.Queue()
    reloads.told.append(heard.put_nowait)
    try:
        if reloads.last is not None:
            yield frame("reloaded", reloads.last)
        while True:
            yield frame("reloaded", await heard.get())
    finally:
        reloads.told.remove(heard.put_nowait)


ENDPOINTS = (Endpoint("GET", "/runtime/reloads", reloads, scope="read", streams=True),)
