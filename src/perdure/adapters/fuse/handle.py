"""Open files, as the kernel sees them: read and written at offsets, flushed at every close of a descriptor."""

from __future__ import annotations

import asyncio
from typing import Protocol

from perdure.base.errors import FileUnsupported, PerdureError
from perdure.namespace.path import Path
from perdure.namespace.port import READ, WRITE, File, FileService, How, Stat


class Handle(Protocol):
    in_order: bool
    """Read and written from its beginning to its end, whatever offsets are named."""

    async def read(self, size: int, offset: int) -> bytes: ...
    async def write(self, data: bytes, offset: int) -> None: ...
    async def flush(self) -> None: ...
    async def truncate(self, size: int) -> None: ...
    async def release(self) -> None: ...


class Unwritable:
    """What a handle that was opened for reading says to who writes."""

    async def write(self, data: bytes, offset: int) -> None:
        raise FileUnsupported("it was opened for reading")

    async def truncate(self, size: int) -> None:
        raise FileUnsupported("it was opened for reading")

    async def flush(self) -> None:
        pass


class Reading(Unwritable):
    """Content as it was when it was opened. Where a file has grown since, who reads on at its end finds the rest: that
    is how `tail -f` follows."""

    in_order = False

    def __init__(self, service: FileService, path: Path, file: File) -> None:
        self._service = service
        self._path = path
        self._file = file
        self._lock = asyncio.Lock()

    async def read(self, size: int, offset: int) -> bytes:
        async with self._lock:
            await self._file.seek(offset)
            data = await self._file.read(size)
            if data or not offset or ((await self._service.stat(self._path)).size or 0) <= offset:
                return data
            await self._file.close()
            self._file = await self._service.open(self._path, READ)
            await self._file.seek(offset)
            return await self._file.read(size)

    async def release(self) -> None:
        await self._file.close()


class Writing:
    """A file that is written, or read and written. Nothing is kept before the first flush after a write: a shell closes
    a copy of the descriptor before it writes. `stat` is of what was there, None where nothing was."""

    def __init__(self, service: FileService, path: Path, file: File, how: How, stat: Stat | None) -> None:
        self._service = service
        self._path = path
        self._file: File | None = file
        self._how = how
        self._failed: PerdureError | None = None
        self._lock = asyncio.Lock()
        # A size that only reading tells is that of a virtual file. One that cannot be read takes commands, each whole.
        self.in_order = stat is not None and stat.size is None
        self._commands = self.in_order and stat is not None and not stat.readable
        self.touched = False
        """Something was written since the last flush."""
        self.kept = not (stat is None or how.truncate)
        """What the service has is what this file holds."""

    async def read(self, size: int, offset: int) -> bytes:
        async with self._lock:
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            file = await self._opened()
            if not self.in_order:
                await file.seek(offset)
            return await file.read(size)

    async def write(self, data: bytes, offset: int) -> None:
        async with self._lock:
            file = await self._opened()
            if not self.in_order and not self._how.append:
                await file.seek(offset)
            await file.write(data)
            self.touched = True

    async def flush(self) -> None:
        if self.touched:
            await self.keep()

    async def keep(self) -> None:
        """Let the service have what this file holds."""
        async with self._lock:
            file, self.touched = await self._opened(), False
            try:
                await file.flush()
            except PerdureError as error:
                self._failed = error  # many programs do not ask what closing a file says
                raise
            self.kept = True
            if self._commands:
                self._file = None
                await file.discard()

    async def truncate(self, size: int) -> None:
        if not self.kept and not self.touched and size == 0:
            return
        if not self.in_order:
            await self.flush()
            async with self._lock:
                await cut(self._service, self._path, size)
                await (await self._opened()).discard()
                self._file = await self._service.open(self._path, How(read=self._how.read, write=True))
        elif size:
            raise FileUnsupported("it has no size that could be changed")

    async def release(self) -> None:
        async with self._lock:
            if self._file is not None:
                if self._failed is not None:
                    await self._file.discard()  # it was told, and is not done a second time
                else:
                    await self._file.close()
                self._file = None
            self.kept = True

    async def _opened(self) -> File:
        if self._file is None:
            self._file = await self._service.open(self._path, self._how)
        return self._file


async def cut(service: FileService, path: Path, size: int) -> None:
    """Give a file this size."""
    data = b""
    if size:
        async with await service.open(path, READ) as file:
            data = (await file.read())[:size]
    async with await service.open(path, WRITE) as file:
        await file.write(data.ljust(size, b"\0"))
