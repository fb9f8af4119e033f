"""A file service around another one: passes everything on, for wrappers that change one thing."""

from __future__ import annotations

from .path import Path
from .port import READ, Entry, File, FileService, How, Stat, Watch


class Wrapper:
    __slots__ = ("_inner",)

    def __init__(self, inner: FileService) -> None:
        self._inner = inner

    async def open(self, path: Path, how: How = READ) -> File:
        return await self._inner.open(path, how)

    async def list(self, path: Path) -> list[Entry]:
        return await self._inner.list(path)

    async def stat(self, path: Path) -> Stat:
        return await self._inner.stat(path)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        return await self._inner.watch(path, after)

    async def remove(self, path: Path) -> None:
        await self._inner.remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        await self._inner.rename(path, to)

    async def mkdir(self, path: Path) -> None:
        await self._inner.mkdir(path)
