"""Several services as one tree: later layers shadow earlier ones, directories show the names of all."""

from __future__ import annotations

from collections.abc import Sequence

from perdure.base.errors import FileDenied, FileError, FileExists, FileUnsupported, NoSuchFile, NotADirectory

from .merged import Merged
from .path import Path, show
from .port import READ, Change, Entry, File, FileService, How, Stat, Watch


class Union:
    """What is there belongs to the last layer that has it. What is new goes into the last layer that has its directory
    and may be written. Removing a file uncovers the one that it shadowed; a layer that denies a path has no part in it.

    A directory that several layers have is watched in all of them; their cursors differ, so who comes back with one is
    told of a gap.
    """

    __slots__ = ("_layers",)

    def __init__(self, *layers: FileService) -> None:
        self._layers = tuple(reversed(layers))

    async def open(self, path: Path, how: How = READ) -> File:
        holders = await self._holders(path)
        if holders:
            return await holders[0][0].open(path, how)
        refusal: FileError = NoSuchFile(path=show(path))
        for layer in await self._directories(path[:-1]) if how.create else ():
            try:
                return await layer.open(path, how)
            except (FileDenied, FileUnsupported) as error:
                refusal = error
        raise refusal

    async def list(self, path: Path) -> list[Entry]:
        found: dict[str, Entry] = {}
        for layer in await self._directories(path):
            for entry in await layer.list(path):
                found.setdefault(entry.name, entry)
        return [found[name] for name in sorted(found)]

    async def stat(self, path: Path) -> Stat:
        _, stat = await self._holder(path)
        return stat

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        holder, stat = await self._holder(path)
        layers = await self._directories(path) if stat.is_dir else [holder]
        if len(layers) == 1:
            return await layers[0].watch(path, after)
        watches = [await layer.watch(path) for layer in layers]
        return Merged(watches, () if after is None else (Change("gap", path),))

    async def remove(self, path: Path) -> None:
        holder, _ = await self._holder(path)
        await holder.remove(path)

    async def rename(self, path: Path, to: Path) -> None:
        holder, _ = await self._holder(path)
        if any(layer is not holder for layer, _ in await self._holders(to)):
            raise FileExists("another layer has it", path=show(to))
        await holder.rename(path, to)

    async def mkdir(self, path: Path) -> None:
        if await self._holders(path):
            raise FileExists(path=show(path))
        refusal: FileError = NoSuchFile(path=show(path))
        for layer in await self._directories(path[:-1]):
            try:
                return await layer.mkdir(path)
            except (FileDenied, FileUnsupported) as error:
                refusal = error
        raise refusal

    async def _holder(self, path: Path) -> tuple[FileService, Stat]:
        holders = await self._holders(path)
        if not holders:
            raise NoSuchFile(path=show(path))
        return holders[0]

    async def _directories(self, path: Path) -> Sequence[FileService]:
        """The layers that have this directory, up to one where something else is in its place."""
        found: list[FileService] = []
        for layer, stat in await self._holders(path):
            if not stat.is_dir:
                if not found:
                    raise NotADirectory(path=show(path))
                break
            found.append(layer)
        if not found:
            raise NoSuchFile(path=show(path))
        return found

    async def _holders(self, path: Path) -> Sequence[tuple[FileService, Stat]]:
        """The layers that have this path, the one that is seen first."""
        found: list[tuple[FileService, Stat]] = []
        denial: FileDenied | None = None
        for index, layer in enumerate(self._layers):
            try:
                stat = await layer.stat(path)
            except NoSuchFile:
                continue
            except FileDenied as error:
                denial = error
            except NotADirectory:
                # A file hides what earlier layers have below its path, unless a later layer has a directory there.
                if not found and not await self._above(path[:-1], self._layers[:index]):
                    raise
                break
            else:
                if stat.is_dir and not stat.readable:
                    denial = FileDenied(path=show(path))
                else:
                    found.append((layer, stat))
        if denial is not None and not found:
            raise denial
        return found

    async def _above(self, path: Path, layers: Sequence[FileService]) -> bool:
        for layer in layers:
            try:
                if (await layer.stat(path)).is_dir:
                    return True
            except FileError:
                continue
        return False
