"""A file that is a stream: whoever reads it waits for what comes."""

from __future__ import annotations

import asyncio
import contextlib

from perdure.base.errors import FileError, FileUnsupported, PerdureError
from perdure.namespace.port import Watch

from .handle import Unwritable

KEPT = 1024 * 1024
"""Bytes that can be read again, as shells do that read a line."""
AHEAD = 1024 * 1024
"""Bytes taken before they are asked for."""
QUIET_S = 0.1
"""When nothing has come for so long, who wants to know the end of the file is told that this is it."""


class Streaming(Unwritable):
    """The data of a watch, from its beginning. It ends where the watch does; but once somebody has looked for the end
    (`seek_end`, as `tail` does), there is one whenever nothing follows for now."""

    in_order = False

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._data = bytearray()
        self._first = 0
        """Where in the stream `_data` begins."""
        self._read = 0
        self._failed: PerdureError | None = None
        self._has_end = False
        self._moved = asyncio.Condition()
        self._pump = asyncio.create_task(self._take())

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self._first + len(self._data)

    def seek_end(self) -> None:
        self._has_end = True

    async def read(self, size: int, offset: int) -> bytes:
        if offset < self._first:
            raise FileUnsupported("so much of the stream is not kept")
        async with self._moved:
            while self.size <= offset and not self._pump.done():
                if not await self._more() and self._has_end:
                    return b""
            if self.size <= offset and self._failed is not None:
                raise self._failed
            start = offset - self._first
            data = bytes(self._data[start : start + size])
            self._read = max(self._read, offset + len(data))
            self._moved.notify_all()
            return data

    async def release(self) -> None:
        self._pump.cancel()
        await asyncio.wait((self._pump,))
        await self._watch.aclose()

    async def _more(self) -> bool:
        """Wait for news; False where there were none for a while."""
        try:
            await asyncio.wait_for(self._moved.wait(), QUIET_S)
        except TimeoutError:
            return False
        return True

    async def _take(self) -> None:
        try:
            async for change in self._watch:
                async with self._moved:
                    if change.kind == "gap" and self.size:
                        self._failed = FileError("a part of the stream was lost")
                        return
                    if change.kind != "data":
                        continue
                    self._data += change.data
                    self._moved.notify_all()
                    while self.size - self._read > AHEAD:
                        await self._moved.wait()
                    over = min(len(self._data) - KEPT, self._read - self._first)
                    if over > 0:
                        del self._data[:over]
                        self._first += over
        except PerdureError as error:
            self._failed = error
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self._tell()

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()
