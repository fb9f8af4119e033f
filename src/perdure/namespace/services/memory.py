"""`memory/`: notes as files in folders of the agent's own making, kept under `memory:<path>`.

A folder that was made is a key that ends with a slash; one is there too where a key leads through it.
"""

from __future__ import annotations

from collections.abc import Iterable

from perdure.base.errors import DirectoryNotEmpty, FileExists
from perdure.kernel.records import Record
from perdure.kernel.store.rows import RecordFilter, ValueRow

from ..node import Document, Folder, Node, Watching
from ..port import Change, Entry
from .desk import Desk
from .values import TYPES, Shelf, kind_of
from .watching import follow

PREFIX = "memory:"
MOST = 10_000
"""Files in a folder that can be renamed."""


def memory_node(agent_id: str, desk: Desk) -> Folder:
    return _Notes(desk, Shelf(desk, agent_id, PREFIX)).folder("")


class _Notes:
    """Places are names on the shelf: `` is the whole, `a/` a folder, `a/b` a file in it."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk = desk
        self._shelf = shelf

    def folder(self, place: str) -> Folder:
        shelf = self._shelf

        async def names() -> Iterable[Entry]:
            return await shelf.list(place)

        async def child(name: str) -> Node | None:
            row = await shelf.get(place + name)
            if row is not None:
                return self.file(place + name, row)
            return self.folder(f"{place}{name}/") if await shelf.below(f"{place}{name}/", 1) else None

        async def create(name: str, data: bytes) -> None:
            await shelf.put(place + name, data)

        async def remove(name: str) -> None:
            inside = await shelf.below(f"{place}{name}/", 2)
            if inside and inside != [f"{place}{name}/"]:
                raise DirectoryNotEmpty
            await shelf.drop(inside[0] if inside else place + name)

        async def rename(name: str, to: str) -> None:
            old, new = f"{place}{name}/", f"{place}{to}/"
            inside, target = await shelf.below(old, MOST + 1), await child(to)
            if isinstance(target, Folder) or (inside and target is not None):
                raise FileExists
            if len(inside) > MOST:
                raise DirectoryNotEmpty(f"more than {MOST:,} files are in it")
            moved = [(one, new + one[len(old) :]) for one in inside]
            await shelf.move(moved or [(place + name, place + to)])

        async def mkdir(name: str) -> None:
            await shelf.put(f"{place}{name}/", b"")

        return Folder(
            names=names, child=child, create=create, remove=remove, rename=rename, mkdir=mkdir, watch=self.watch(place)
        )

    def file(self, place: str, row: ValueRow) -> Document:
        async def read() -> bytes:
            return row.data

        async def write(data: bytes) -> None:
            await self._shelf.put(place, data)

        async def append(data: bytes) -> None:
            await self._shelf.extend(place, data)

        return Document(
            read=read,
            write=write,
            append=append,
            watch=self.watch(place),
            size=len(row.data),
            modified_at=row.at,
        )

    def watch(self, place: str) -> Watching:
        """Of a folder all that changes below it, of a file the file itself."""
        here = PREFIX + place

        def told(record: Record) -> Change | None:
            if record.key != here and not (record.key.startswith(here) and here[-1] in ":/"):
                return None
            path = tuple(name for name in record.key[len(here) :].split("/") if name)
            return Change(kind_of(record), path, record.seq)

        return follow(self._desk, RecordFilter(self._shelf.agent_id, types=TYPES), told)
