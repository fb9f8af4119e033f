"""The transport port: post and take the whole answer, post and take it in chunks, close."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

MAX_BODY = 64 * 1024 * 1024
"""Bytes that one answer may have, decompressed, whole or in all its chunks."""

CONNECT_MS = 10_000
"""Milliseconds to open a connection in."""

IDLE_MS = 300_000
"""Milliseconds of silence between two chunks of a stream."""


class Post(msgspec.Struct, frozen=True, gc=False):
    """One POST. `timeout_ms` bounds it from connecting to the last byte of the answer."""

    url: str
    body: bytes
    headers: dict[str, str] = {}
    timeout_ms: int = 120_000


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole answer of any HTTP status; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Incoming(Protocol):
    """An answer whose body is on its way; header names are lower case."""

    status: int
    headers: dict[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, to its end."""
        ...

    async def read(self) -> bytes:
        """The whole body at once, instead of `chunks`."""
        ...


class Transport(Protocol):
    """Any HTTP status is an answer, not an error, and a redirect is an answer too: it is never followed.

    Raises Unreachable where there is no connection, ModelTimeout past the time, BrokenStream where the connection ends
    before the answer does, InvalidAnswer for what is not HTTP or has over `MAX_BODY` bytes, and ConfigError for a URL
    that is none.
    """

    async def post(self, post: Post) -> Answer: ...

    def stream(self, post: Post) -> AbstractAsyncContextManager[Incoming]: ...

    async def close(self) -> None:
        """Let go of all connections. A transport that is used again opens new ones."""
        ...
