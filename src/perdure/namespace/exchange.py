"""The call pattern: a request is written, and the answer read on the same handle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeAlias

from perdure.base.errors import FileClosed, FileNotReady, FileTooLarge, FileUnsupported, InputError

from .buffered import MAX_CONTENT

Call: TypeAlias = Callable[[bytes], Awaitable[bytes]]


class Exchange:
    """What is written is gathered until a flush, the first read, or the close: then it is one request. Writing again
    begins the next request, and what was not yet read of the answer before is gone."""

    __slots__ = ("_answer", "_call", "_limit", "_open", "_position", "_request")

    def __init__(self, call: Call, *, limit: int = MAX_CONTENT) -> None:
        self._call = call
        self._limit = limit
        self._request: bytearray | None = None
        self._answer: bytes | None = None
        self._position = 0
        self._open = True

    async def read(self, size: int = -1) -> bytes:
        await self.flush()
        if self._answer is None:
            raise FileNotReady("there is no answer before a request", hint="Write the request, then read.")
        start = self._position
        end = len(self._answer) if size < 0 else min(start + size, len(self._answer))
        self._position = max(start, end)
        return self._answer[start:end]

    async def write(self, data: bytes) -> None:
        self._check()
        if self._request is None:
            self._request, self._answer = bytearray(), None
        if len(self._request) + len(data) > self._limit:
            raise FileTooLarge(f"a request holds {self._limit:,} bytes at most", limit=self._limit)
        self._request += data

    async def seek(self, position: int) -> None:
        """Stand at `position` of the answer. A request is written from its beginning to its end."""
        self._check()
        if self._request is not None:
            raise FileUnsupported("a request is written without seeking in it")
        if position < 0:
            raise InputError(f"a position in a file counts from 0, not {position}")
        self._position = position

    async def flush(self) -> None:
        self._check()
        if self._request is not None:
            request, self._request = bytes(self._request), None
            self._answer = await self._call(request)
            self._position = 0

    async def close(self) -> None:
        if self._open:
            try:
                await self.flush()
            finally:
                await self.discard()

    async def discard(self) -> None:
        self._open = False
        self._request = self._answer = None

    async def __aenter__(self) -> Exchange:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await (self.close() if kind is None else self.discard())

    def _check(self) -> None:
        if not self._open:
            raise FileClosed("the file is closed")
