"""A transport without a network: a function from the call to its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from perdure.base.errors import ModelError

from .port import Answer, Post


class Reply(msgspec.Struct, frozen=True):
    """What the other side does: an answer in one or several chunks, and an error that cuts it off at the end."""

    chunks: Sequence[bytes] = ()
    status: int = 200
    headers: dict[str, str] = {}
    error: ModelError | None = None


class MemoryTransport:
    """Asks `reply` for every call and keeps the calls in `posts`. An error that `reply` raises is the connection's."""

    def __init__(self, reply: Callable[[Post], Reply]) -> None:
        self.posts: list[Post] = []
        self.closed = False
        self._reply = reply

    async def post(self, post: Post) -> Answer:
        async with self.stream(post) as incoming:
            return Answer(incoming.status, incoming.headers, await incoming.read())

    @asynccontextmanager
    async def stream(self, post: Post) -> AsyncIterator[MemoryIncoming]:
        self.posts.append(post)
        yield MemoryIncoming(self._reply(post))

    async def close(self) -> None:
        self.closed = True


class MemoryIncoming:
    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._reply = reply

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._reply.chunks:
            yield chunk
        if self._reply.error is not None:
            raise self._reply.error

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])
