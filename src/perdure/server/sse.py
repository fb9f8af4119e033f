"""Server-sent events: one format for everything that streams.

`id:` is a cursor, the journal's sequence number: a client that sends the last one as `Last-Event-ID` misses nothing.
A comment now and then keeps the connection; who takes nothing for too long is cut off by the protocol, and comes back
with its cursor.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Send

from .reply import Events, encode
from .sending import SAFE

if TYPE_CHECKING:
    from .site import Site

KEEP_ALIVE_S = 15
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
_HEADERS = [*((name.encode(), value) for name, value in SAFE.items()), EVENT_STREAM, (b"x-accel-buffering", b"no")]


def frame(kind: str, value: Any, id: int | str = "") -> bytes:
    """One event, its value as JSON."""
    head = f"id: {id}\n" if id else ""
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), kind.encode(), encode(value))


async def stream(events: Events, site: Site, receive: Receive, send: Send) -> None:
    """Send events until there are no more, the client goes, or the server stops."""
    headers = [*_HEADERS, *((name.encode(), value.encode("latin-1")) for name, value in events.headers.items())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    site.traffic.streams += 1
    pump = _Pump(events, send)
    working = asyncio.create_task(pump.run())
    beside = [asyncio.create_task(work) for work in (pump.keep_alive(), _gone(receive), site.stopping.wait())]
    try:
        await asyncio.wait((working, *beside), return_when=asyncio.FIRST_COMPLETED)
    finally:
        site.traffic.streams -= 1
        for task in (working, *beside):
            task.cancel()
        await asyncio.wait((working, *beside))
        await events.frames.aclose()  # type: ignore[attr-defined]
    if not working.cancelled() and (error := working.exception()) is not None:
        raise error
    await send({"type": "http.response.body", "body": b""})


class _Pump:
    def __init__(self, events: Events, send: Send) -> None:
        self._events = events
        self._send = send
        self._sent = 0
        self._is_sending = False

    async def run(self) -> None:
        async for frame in self._events.frames:
            await self._put(frame)

    async def keep_alive(self) -> None:
        while True:
            before = self._sent
            await asyncio.sleep(KEEP_ALIVE_S)
            if self._sent == before and not self._is_sending:
                await self._put(b": keep-alive\n\n")

    async def _put(self, frame: bytes) -> None:
        self._is_sending = True
        await self._send({"type": "http.response.body", "body": frame, "more_body": True})
        self._is_sending = False
        self._sent += 1


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
