"""A service seen from where it stands in a larger tree: whole paths go in, whole paths come out."""

from __future__ import annotations

from types import TracebackType

from perdure.base.errors import FileError

from .path import Path, show
from .port import READ, Entry, File, FileService, How, Stat, Watch
from .relocated import Relocated


class Placed:
    """`service` at `place`: every path handed to it begins with `place`."""

    __slots__ = ("_above", "_depth", "_place", "_service")

    def __init__(self, service: FileService, place: Path) -> None:
        self._service = service
        self._place = place
        self._depth = len(place)
        self._above = SeenFrom(place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Placed) and self._service is other._service and self._place == other._place

    async def open(self, path: Path, how: How = READ) -> File:
        with self._above:
            return PlacedFile(await self._service.open(path[self._depth :], how), self._above)

    async def list(self, path: Path) -> list[Entry]:
        with self._above:
            return await self._service.list(path[self._depth :])

    async def stat(self, path: Path) -> Stat:
        with self._above:
            return await self._service.stat(path[self._depth :])

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        with self._above:
            return Relocated(await self._service.watch(path[self._depth :], after), self._place)

    async def remove(self, path: Path) -> None:
        with self._above:
            await self._service.remove(path[self._depth :])

    async def rename(self, path: Path, to: Path) -> None:
        with self._above:
            await self._service.rename(path[self._depth :], to[self._depth :])

    async def mkdir(self, path: Path) -> None:
        with self._above:
            await self._service.mkdir(path[self._depth :])


class PlacedFile:
    """An open file whose errors name the whole path."""

    __slots__ = ("_above", "_file")

    def __init__(self, file: File, above: SeenFrom) -> None:
        self._file = file
        self._above = above

    async def read(self, size: int = -1) -> bytes:
        with self._above:
            return await self._file.read(size)

    async def write(self, data: bytes) -> None:
        with self._above:
            await self._file.write(data)

    async def seek(self, position: int) -> None:
        with self._above:
            await self._file.seek(position)

    async def flush(self) -> None:
        with self._above:
            await self._file.flush()

    async def close(self) -> None:
        with self._above:
            await self._file.close()

    async def discard(self) -> None:
        await self._file.discard()

    async def __aenter__(self) -> PlacedFile:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await (self.close() if kind is None else self.discard())


class SeenFrom:
    """Errors raised in here name their paths as they are seen from above `place`."""

    __slots__ = ("_place",)

    def __init__(self, place: Path) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileError):
            error.seen_from_above(show(self._place))
