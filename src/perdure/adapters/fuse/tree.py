"""A file service as the tree that a kernel asks for: everything by path, open files by number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count

from perdure.base.errors import FileClosed, FileError, FileUnsupported, NoSuchFile, PerdureError
from perdure.namespace.path import Path, show
from perdure.namespace.port import READ, Entry, FileService, How, Stat

from .handle import Handle, Reading, Writing, cut
from .stream import Streaming


class Tree:
    """`told` hears of what went wrong after a program had let go of its file, so that nothing is lost in silence."""

    def __init__(self, service: FileService, told: Callable[[str], None]) -> None:
        self._service = service
        self._told = told
        self._numbers = count(1)
        self._open: dict[int, tuple[Path, Handle]] = {}

    async def stat(self, path: Path) -> Stat:
        for one in self._unkept(path):
            return Stat(False, 0, readable=True, writable=not one.in_order)
        stat = await self._service.stat(path)
        if stat.size is None and not stat.is_dir:
            sizes = [one.size for place, one in self._open.values() if place == path and isinstance(one, Streaming)]
            return Stat(False, max(sizes), readable=True) if sizes else stat
        return stat

    async def list(self, path: Path) -> list[Entry]:
        found = {entry.name: entry for entry in await self._service.list(path)}
        for place, one in self._open.values():
            if isinstance(one, Writing) and not one.kept and place[:-1] == path:
                found.setdefault(place[-1], Entry(place[-1], False, 0))
        return [found[name] for name in sorted(found)]

    async def open(self, path: Path, flags: int) -> int:
        """Open a file as the flags of open(2) say; the number is what the other verbs know it by."""
        await self._settle(path)
        if flags & os.O_ACCMODE == os.O_RDONLY:
            return self._number(path, await self._to_read(path))
        how = _how(flags)
        try:
            stat = await self._service.stat(path)
        except NoSuchFile:
            if not how.create:
                raise
            stat = None
        file = await self._service.open(path, how)
        return self._number(path, Writing(self._service, path, file, how, stat))

    def in_order(self, number: int) -> bool:
        """Whether seeking in an open file makes no sense."""
        return self._handle(number).in_order

    def seek_end(self, number: int) -> None:
        """Somebody looks for the end of an open file."""
        handle = self._handle(number)
        if isinstance(handle, Streaming):
            handle.seek_end()

    async def read(self, number: int, size: int, offset: int) -> bytes:
        return await self._handle(number).read(size, offset)

    async def write(self, number: int, data: bytes, offset: int) -> int:
        await self._handle(number).write(data, offset)
        return len(data)

    async def flush(self, number: int) -> None:
        await self._handle(number).flush()

    async def release(self, number: int) -> None:
        handle = self._handle(number)
        try:
            await handle.release()
        except PerdureError as error:
            why = error.why if isinstance(error, FileError) else error.message
            self._told(f"{show(self._open[number][0])} was closed, and then: {why}")
        finally:
            del self._open[number]

    async def truncate(self, path: Path, size: int, number: int | None = None) -> None:
        if number is not None:
            return await self._handle(number).truncate(size)
        await self._settle(path)
        if (await self._service.stat(path)).size is not None:
            await cut(self._service, path, size)
        elif size:
            raise FileUnsupported("it has no size that could be changed", path=show(path))

    async def mkdir(self, path: Path) -> None:
        await self._service.mkdir(path)

    async def remove(self, path: Path) -> None:
        await self._settle(path)
        await self._service.remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        await self._settle(path)
        await self._service.rename(path, to)

    async def close(self) -> None:
        """Let go of every file that is still open."""
        for number in list(self._open):
            await self.release(number)

    async def _to_read(self, path: Path) -> Handle:
        try:
            return Reading(self._service, path, await self._service.open(path, READ))
        except FileUnsupported as error:
            try:
                return Streaming(await self._service.watch(path, 0))
            except FileUnsupported:
                raise error from None

    async def _settle(self, path: Path) -> None:
        """Who opens, moves or removes a file finds what was made of it, though nothing was written to it yet."""
        for one in self._unkept(path):
            await one.keep()

    def _unkept(self, path: Path) -> Iterator[Writing]:
        for place, one in list(self._open.values()):
            if place == path and isinstance(one, Writing) and not one.kept:
                yield one

    def _number(self, path: Path, handle: Handle) -> int:
        number = next(self._numbers)
        self._open[number] = path, handle
        return number

    def _handle(self, number: int) -> Handle:
        try:
            return self._open[number][1]
        except KeyError:
            raise FileClosed from None


def _how(flags: int) -> How:
    append = bool(flags & os.O_APPEND)
    return How(
        read=flags & os.O_ACCMODE == os.O_RDWR,
        write=True,
        create=bool(flags & os.O_CREAT),
        truncate=bool(flags & os.O_TRUNC) and not append,
        append=append,
        exclusive=bool(flags & os.O_EXCL),
    )
