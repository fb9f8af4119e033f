"""Listens to a WebSocket server: each message becomes an event on a topic."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.background import Background
from perdure.base.clock import Clock
from perdure.base.codec import from_json
from perdure.base.envelope import Envelope
from perdure.base.errors import MissingDependency, PerdureError
from perdure.base.ids import Ids
from perdure.base.lazy import load
from perdure.kernel.store.ops import EVENT_LIMIT

from .port import Sink

CONNECT = "websockets.asyncio.client:connect"
TROUBLE = "websockets.exceptions:WebSocketException"
FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 10_000


class WebSocketSource:
    """Connects to `url`, says `send` where that is something, and publishes what comes: JSON as such, else as text.

    A connection that breaks is made anew, later each time. What the other side said meanwhile is not heard; while
    events cannot be published, nothing more is read.
    """

    def __init__(self, name: str, url: str, topic: str, *, clock: Clock, ids: Ids, send: str = "") -> None:
        self.name = f"websocket:{name}"
        self.trouble: Exception | None = None
        self._url = url
        self._topic = topic
        self._clock = clock
        self._ids = ids
        self._send = send
        self._work = Background(self._run)

    async def start(self, sink: Sink) -> None:
        """Raises MissingDependency where the library for it is not installed."""
        try:
            connect, broken = load(CONNECT), load(TROUBLE)
        except ImportError as error:
            raise MissingDependency(
                f"{self.name} needs a library for WebSockets", hint="pip install 'perdure[websocket]'"
            ) from error
        self._work.start(sink, connect, broken)

    async def stop(self) -> None:
        await self._work.stop()

    async def _run(self, sink: Sink, connect: Any, broken: type[Exception]) -> None:
        pause = FIRST_PAUSE_MS
        while True:
            try:
                async with connect(self._url, max_size=EVENT_LIMIT) as connection:
                    if self._send:
                        await connection.send(self._send)
                    async for message in connection:
                        await sink(self._envelope(message))
                        self.trouble, pause = None, FIRST_PAUSE_MS
            except (broken, OSError, TimeoutError, PerdureError) as error:
                self.trouble = error
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_MS)

    def _envelope(self, message: str | bytes) -> Envelope:
        return Envelope(
            self._ids.new("evt"),
            "",
            "event",
            payload_of(message),
            self.name,
            topic=self._topic,
            created_at=self._clock.now(),
        )


def payload_of(message: str | bytes) -> Any:
    """What a message says: JSON, else text; bytes that are neither stay bytes."""
    try:
        return from_json(message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    if isinstance(message, str):
        return message
    try:
        return message.decode()
    except UnicodeDecodeError:
        return message
