"""A part of a service, as a service of its own."""

from __future__ import annotations

from perdure.base.errors import FileDenied, FileError

from .path import Path, show
from .port import READ, Change, Entry, File, FileService, How, Stat, Watch


class Below:
    """What `service` has at and below `place`. Errors and changes name paths as they are seen from there."""

    __slots__ = ("_from", "_place", "_service")

    def __init__(self, service: FileService, place: Path) -> None:
        self._service = service
        self._place = place
        self._from = SeenFromBelow(place)

    async def open(self, path: Path, how: How = READ) -> File:
        with self._from:
            return await self._service.open(self._place + path, how)

    async def list(self, path: Path) -> list[Entry]:
        with self._from:
            return await self._service.list(self._place + path)

    async def stat(self, path: Path) -> Stat:
        with self._from:
            return await self._service.stat(self._place + path)

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        with self._from:
            return WatchedBelow(await self._service.watch(self._place + path, after), len(self._place))

    async def remove(self, path: Path) -> None:
        self._inside(path)
        with self._from:
            await self._service.remove(self._place + path)

    async def rename(self, path: Path, to: Path) -> None:
        self._inside(path)
        self._inside(to)
        with self._from:
            await self._service.rename(self._place + path, self._place + to)

    async def mkdir(self, path: Path) -> None:
        with self._from:
            await self._service.mkdir(self._place + path)

    def _inside(self, path: Path) -> None:
        if not path:
            raise FileDenied("the root stays where it is", path="/")


class WatchedBelow:
    def __init__(self, watch: Watch, depth: int) -> None:
        self._watch = watch
        self._depth = depth

    def __aiter__(self) -> WatchedBelow:
        return self

    async def __anext__(self) -> Change:
        change = await self._watch.__anext__()
        return Change(change.kind, change.path[self._depth :], change.seq, change.data)

    async def aclose(self) -> None:
        await self._watch.aclose()


class SeenFromBelow:
    """Errors raised in here name their paths as they are seen from `place` on."""

    __slots__ = ("_place",)

    def __init__(self, place: Path) -> None:
        self._place = show(place)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileError):
            error.seen_from_below(self._place)
