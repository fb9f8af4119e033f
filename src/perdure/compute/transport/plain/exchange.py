"""One call under way: finds a connection, bounds the time, gives the answer."""

from __future__ import annotations

import asyncio
import os
import socket
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from perdure.base.duration import show_duration
from perdure.base.errors import ModelTimeout, Unreachable
from perdure.base.lazy import load

from ..port import Post
from .arriving import Arriving, Part, Stale
from .connection import Connection
from .pool import Pool
from .request import Target, render_head

if TYPE_CHECKING:
    from .unpack import Unpacker

UNPACKER = "perdure.compute.transport.plain.unpack:Unpacker"

LINGER_S = 0.25
"""Seconds that an answer may take to its end after its reader has left content: an event stream ends in its last event,
and the last chunk of its body comes after that."""


class Bounds(msgspec.Struct, frozen=True):
    """Milliseconds to open a connection in and of silence between two chunks, and bytes of one body."""

    connect_ms: int
    idle_ms: int
    max_body: int


class Exchange:
    """Enter it to send, and read the answer inside. Leaving early drops the connection, with an error at once."""

    __slots__ = (
        *("_answer", "_bounds", "_connection", "_head", "_linger", "_pool", "_post", "_streamed", "_target"),
        *("_unpacker", "headers", "status"),
    )

    def __init__(self, post: Post, target: Target, pool: Pool, bounds: Bounds, *, streamed: bool) -> None:
        self._post = post
        self._target = target
        self._head = render_head(target, post.headers, len(post.body))
        self._pool = pool
        self._streamed = streamed
        self._bounds = bounds
        self._answer = Arriving(target.place, bounds.max_body)
        self._connection: Connection | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._unpacker: Unpacker | None = None
        self.status: int
        self.headers: dict[str, str]

    async def ask(self, part: Part) -> None:
        """Send, and wait until so much of the answer is there.

        A connection that was kept may turn out to have been closed by the other side meanwhile, before it said a byte.
        The request is then sent once more on a new one, as a call of a model has no side effect.
        """
        target = self._target
        end = asyncio.get_running_loop().time() + self._post.timeout_ms / 1000
        connection = self._pool.take(target.host, target.port) or await self._connect(end)
        deadlines = self._pool.deadlines
        deadlines.put(self, end)
        self._send(connection)
        try:
            await self._answer.wait(part)
        except Stale:
            deadlines.drop(self)
            self._answer = Arriving(target.place, self._bounds.max_body)
            connection = await self._connect(end)
            deadlines.put(self, end)
            self._send(connection)
            await self._answer.wait(part)
        self.status, self.headers = self._answer.status, self._answer.headers
        coding = self.headers.get("content-encoding")
        if coding is not None and coding != "identity":
            self._unpacker = load(UNPACKER)(coding, target.place, self._bounds.max_body)
            for name in ("content-encoding", "content-length"):  # true of the packed body only
                self.headers.pop(name, None)

    def leave(self) -> None:
        self._pool.deadlines.drop(self)
        if self._linger is not None:
            self._linger.cancel()
        if not self._answer.ended and self._connection is not None:
            self._connection.drop()

    async def __aenter__(self) -> Exchange:
        entered = False
        try:
            await self.ask(Part.HEAD)
            entered = True
        finally:
            if not entered:
                self.leave()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._connection is not None and not self._answer.ended:
            self._pool.deadlines.drop(self)
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self.leave)
            self._read_on(streamed=False)
        else:
            self.leave()

    async def read(self) -> bytes:
        self._read_on(streamed=False)
        await self._answer.wait(Part.WHOLE)
        return self.body()

    def body(self) -> bytes:
        """What of the body was not given yet, once the whole answer is there."""
        body = self._answer.take()
        if self._unpacker is not None:
            body = self._unpacker.feed(body)
            self._unpacker.end()
        return body

    def chunks(self) -> Exchange:
        return self  # not a generator: one that is left early would have to be closed by a task of its own

    def __aiter__(self) -> Exchange:
        return self

    async def __anext__(self) -> bytes:
        answer = self._answer
        while True:
            if not (answer.unread or answer.ended):
                silence = asyncio.get_running_loop().call_later(self._bounds.idle_ms / 1000, self._fall_silent)
                try:
                    await answer.wait(Part.SOME)
                finally:
                    silence.cancel()
            if not answer.unread:
                if self._unpacker is not None:
                    self._unpacker.end()
                raise StopAsyncIteration
            chunk = answer.take()
            self._read_on(streamed=True)
            if self._unpacker is not None:
                chunk = self._unpacker.feed(chunk)
            if chunk:  # else all of it was about the packing
                return chunk

    async def _connect(self, end: float) -> Connection:
        loop, place = asyncio.get_running_loop(), self._target.place
        bound = min(loop.time() + self._bounds.connect_ms / 1000, end)
        try:
            async with asyncio.timeout_at(bound):
                return await self._pool.connect(self._target.host, self._target.port)
        except (OSError, UnicodeError) as error:
            if not isinstance(error, TimeoutError) or error.errno:  # the system's own timeout has a number
                raise Unreachable(f"{place}: {_reason(error)}") from error
            if bound == end:
                raise self._too_late() from error
            raise Unreachable(f"{place}: no connection within {show_duration(self._bounds.connect_ms)}") from error

    def _send(self, connection: Connection) -> None:
        self._connection = connection
        connection.send(self._head, self._post.body, self._answer, streamed=self._streamed)

    def _read_on(self, *, streamed: bool) -> None:
        if self._connection is not None and not self._answer.ended:
            self._connection.read_on(streamed=streamed)

    def expire(self) -> None:
        self._give_up(self._too_late())

    def _fall_silent(self) -> None:
        idle = show_duration(self._bounds.idle_ms)
        self._give_up(ModelTimeout(f"{self._target.place} said nothing for {idle}", idle_ms=self._bounds.idle_ms))

    def _too_late(self) -> ModelTimeout:
        return ModelTimeout(f"{self._target.place}: no whole answer within {show_duration(self._post.timeout_ms)}")

    def _give_up(self, error: ModelTimeout) -> None:
        if self._connection is not None and not self._answer.ended:
            self._connection.fail(error)


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return f"{error.strerror}"
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
