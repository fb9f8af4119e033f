"""A mount table as one file service: the tree that is seen through it."""

from __future__ import annotations

from perdure.base.errors import FileDenied, FileError, FileExists, FileUnsupported, IsADirectory, NoSuchFile

from .mounts import MountTable, Point
from .path import Path, show
from .port import READ, Entry, File, FileService, How, Stat, Watch


class Mounted:
    """Each path goes to the longest mount that it is at or below. Directories on the way to mounts are there too, but
    nothing can be done with them except listing. `as_admin` may write what a mount restricts."""

    __slots__ = ("_as_admin", "_table")

    def __init__(self, table: MountTable, *, as_admin: bool = False) -> None:
        self._table = table
        self._as_admin = as_admin

    async def open(self, path: Path, how: How = READ) -> File:
        point = self._table.find(path)
        if point is not None:
            return await self._of(point).open(path, how)
        if self._table.below(path):
            raise IsADirectory(path=show(path))
        raise NoSuchFile(path=show(path))

    async def list(self, path: Path) -> list[Entry]:
        mounts = self._table.below(path)
        found: dict[str, Entry] = {}
        point = self._table.find(path)
        if point is not None:
            try:
                found = {entry.name: entry for entry in await self._of(point).list(path)}
            except NoSuchFile:
                if not mounts:
                    raise
        elif not mounts and path:
            raise NoSuchFile(path=show(path))
        for name in mounts:
            try:
                stat = await self.stat((*path, name))
            except FileError:
                stat = Stat(True)  # what is broken is listed too: opening it tells more
            found[name] = Entry(name, stat.is_dir, stat.size, stat.modified_at)
        return [found[name] for name in sorted(found)]

    async def stat(self, path: Path) -> Stat:
        point = self._table.find(path)
        if point is not None:
            try:
                return await self._of(point).stat(path)
            except NoSuchFile:
                if not self._table.below(path):
                    raise
        elif path and not self._table.below(path):
            raise NoSuchFile(path=show(path))
        return Stat(True)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        point = self._table.find(path)
        if point is not None:
            return await self._of(point).watch(path, after)
        if self._table.below(path):
            raise FileUnsupported("mounts are watched each on its own", path=show(path))
        raise NoSuchFile(path=show(path))

    async def remove(self, path: Path) -> None:
        await self._of(self._changing(path)).remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        point = self._changing(path)
        if self._changing(to) is not point:
            raise FileUnsupported(f"it cannot be moved to another mount: {show(to)}", path=show(path))
        await self._of(point).rename(path, to)

    async def mkdir(self, path: Path) -> None:
        point = self._table.find(path)
        if self._table.below(path) or (point is not None and point.path == path):
            raise FileExists(path=show(path))
        await self._of(self._changing(path)).mkdir(path)

    def _of(self, point: Point) -> FileService:
        return point.admin if self._as_admin else point.service

    def _changing(self, path: Path) -> Point:
        """The mount that a change of this name belongs to; names that lead to mounts are not changed through it."""
        point = self._table.find(path)
        if (point is not None and point.path == path) or self._table.below(path):
            raise FileDenied("mounts are below it, or it is one", path=show(path))
        if point is None:
            if self._table.below(path[:-1]) or len(path) == 1:
                raise FileDenied("nothing is mounted here", path=show(path))
            raise NoSuchFile(path=show(path))
        return point
