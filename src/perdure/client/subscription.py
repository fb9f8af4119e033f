"""Hearing events of a server, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from perdure.base.clock import Clock
from perdure.base.errors import Disconnected, Stopping, StoreError
from perdure.bus.port import Event

from .http import Http, Pauses

WAITING = 1_024
"""Events that wait here for whoever hears them; the rest waits at the server."""
_event = msgspec.json.Decoder(Event)


class Subscription:
    """`async for event in …`, without an end of its own; close it, or leave it with `async with`.

    When the connection breaks it is made anew, and goes on behind the last event that came: of what the server keeps,
    nothing is missed, and nothing comes twice. A `consumer` begins behind what was acknowledged by `ack`, in whatever
    process that was, so that what was in work when a process died comes again.
    """

    def __init__(self, http: Http, clock: Clock, pattern: str, query: dict[str, Any], *, consumer: str = "") -> None:
        self.seq: int | None = None
        """The last event of the log that came; None before the connection is made first."""
        self.connected = asyncio.Event()
        self._http = http
        self._clock = clock
        self._path = f"/bus/{quote(pattern, safe='')}"
        self._query = {name: value for name, value in query.items() if value is not None}
        self._consumer = consumer
        self._waiting: deque[Event] = deque()
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: self._some.set())

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting and not self._task.done():
            self._some.clear()
            await self._some.wait()  # whoever gives up here has taken nothing
        if self._waiting:
            self._room.set()
            return self._waiting.popleft()
        if not self._task.cancelled():
            self._task.result()
        raise StopAsyncIteration

    async def ready(self) -> None:
        """Return when the server knows of this subscription: what is published from now on comes. Raises what the
        server says against it."""
        connected = asyncio.ensure_future(self.connected.wait())
        try:
            await asyncio.wait((connected, self._task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            connected.cancel()
        if self._task.done():
            self._task.result()

    async def ack(self, event: Event) -> None:
        """Be done with this event and all before it, for good. Only a named consumer has to."""
        if self._consumer and event.seq:
            await self._http.call("POST", f"/consumers/{quote(self._consumer, safe='')}", {"seq": event.seq})

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self) -> None:
        if self._consumer:
            place = await self._http.call("GET", f"/consumers/{quote(self._consumer, safe='')}")
            self._query["after"] = place["seq"]
        pauses = Pauses()
        while True:
            with contextlib.suppress(Disconnected, Stopping, StoreError):
                await self._hear(pauses)
            await self._clock.sleep(pauses.take())

    async def _hear(self, pauses: Pauses) -> None:
        """Hear what comes until the connection breaks."""
        cursor = "" if self.seq is None else str(self.seq)
        path = f"{self._path}?{urlencode({'watch': 'true', **self._query})}"
        async with self._http.stream(path, last_event_id=cursor) as events:
            async for name, data in events:
                pauses.reset()
                if name == "ready":
                    if self.seq is None:
                        self.seq = int(msgspec.json.decode(data)["seq"])
                    self.connected.set()
                elif name == "event":
                    event = _event.decode(data)
                    while len(self._waiting) >= WAITING:
                        self._room.clear()
                        await self._room.wait()
                    self._waiting.append(event)
                    self._some.set()
                    self.seq = event.seq or self.seq
