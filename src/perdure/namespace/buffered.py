"""An open file whose content is held in memory while it is open, and kept as a whole when it is flushed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeAlias

from perdure.base.errors import FileClosed, FileDenied, FileTooLarge, InputError

from .port import How

Keep: TypeAlias = Callable[[bytes], Awaitable[None]]
MAX_CONTENT = 64 * 1024 * 1024
"""Bytes that one open file may hold."""


class Buffered:
    """`content` is what the file holds now. `keep` is handed all of it at a flush that follows a write; only what was
    appended, in a file opened to append. `fresh` says that the file is to be kept even if nothing is written to it."""

    __slots__ = ("_content", "_dirty", "_how", "_keep", "_limit", "_open", "_position", "_tail")

    def __init__(
        self,
        how: How,
        content: bytes,
        keep: Keep | None = None,
        *,
        fresh: bool = False,
        limit: int = MAX_CONTENT,
    ) -> None:
        self._how = how
        self._content: bytes | bytearray = content
        self._keep = keep
        self._dirty = fresh
        self._limit = limit
        self._position = 0
        self._tail = bytearray()
        self._open = True

    async def read(self, size: int = -1) -> bytes:
        if not self._open or not self._how.read:
            self._refuse("reading")
        start = self._position
        content = self._content
        end = len(content) if size < 0 else min(start + size, len(content))
        self._position = max(start, end)
        if start == 0 and end == len(content) and type(content) is bytes:
            return content  # the common case costs no copy
        return bytes(content[start:end])

    async def write(self, data: bytes) -> None:
        if not self._open or not self._how.write:
            self._refuse("writing")
        self._dirty = True
        if self._how.append:
            self._fit(len(self._content) + len(self._tail) + len(data))
            self._tail += data
            return
        end = self._position + len(data)
        self._fit(end)
        if not isinstance(self._content, bytearray):
            self._content = bytearray(self._content)
        if self._position > len(self._content):
            self._content.extend(bytes(self._position - len(self._content)))
        self._content[self._position : end] = data
        self._position = end

    async def seek(self, position: int) -> None:
        if not self._open:
            self._refuse("seeking")
        if position < 0:
            raise InputError(f"a position in a file counts from 0, not {position}")
        self._position = position

    async def flush(self) -> None:
        if not self._open:
            self._refuse("flushing")
        if not self._dirty or self._keep is None:
            return
        self._dirty = False  # what is written from now on is for the next flush
        data = bytes(self._tail if self._how.append else self._content)
        try:
            await self._keep(data)
        except BaseException:
            self._dirty = True
            raise
        if self._how.append:
            del self._tail[: len(data)]
            self._content = bytes(self._content) + data

    async def close(self) -> None:
        if self._open:
            try:
                await self.flush()
            finally:
                await self.discard()

    async def discard(self) -> None:
        self._open = False
        self._content = b""
        self._tail.clear()

    async def __aenter__(self) -> Buffered:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await (self.close() if kind is None else self.discard())

    def _fit(self, size: int) -> None:
        if size > self._limit:
            raise FileTooLarge(f"an open file holds {self._limit:,} bytes at most, not {size:,}", limit=self._limit)

    def _refuse(self, doing: str) -> None:
        if not self._open:
            raise FileClosed(f"{doing} a file that is closed")
        raise FileDenied(f"the file was not opened for {doing}", hint="Open it in another way.")
