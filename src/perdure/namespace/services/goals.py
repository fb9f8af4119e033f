"""`goals/<id>.json`: what an agent is to reach, in JSON of any shape, kept under `goal:<id>`."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from perdure.base.codec import from_json
from perdure.base.errors import FileDenied, InputError
from perdure.kernel.records import Record
from perdure.kernel.store.rows import RecordFilter, ValueRow

from ..node import Document, Folder
from ..path import ROOT, Path
from ..port import Change, Entry
from .desk import Desk
from .values import TYPES, Shelf, kind_of
from .watching import follow

PREFIX = "goal:"
SUFFIX = ".json"


def goals_node(agent_id: str, desk: Desk) -> Folder:
    shelf = Shelf(desk, agent_id, PREFIX)
    filter = RecordFilter(agent_id, types=TYPES)

    async def names() -> Iterable[Entry]:
        return [replace(one, name=one.name + SUFFIX) for one in await shelf.list() if not one.is_dir]

    async def child(name: str) -> Document | None:
        row = await shelf.get(name.removesuffix(SUFFIX)) if name.endswith(SUFFIX) else None
        return None if row is None else goal(row)

    def goal(row: ValueRow) -> Document:
        id = row.key.removeprefix(PREFIX)

        async def read() -> bytes:
            return row.data

        async def write(data: bytes) -> None:
            await shelf.put(id, _checked(data))

        watch = follow(desk, filter, lambda record: _told(record, ROOT) if record.key == row.key else None)
        return Document(read=read, write=write, watch=watch, size=len(row.data), modified_at=row.at)

    async def create(name: str, data: bytes) -> None:
        if not name.endswith(SUFFIX):
            raise FileDenied(f"a goal is a file named <id>{SUFFIX}", hint=f"Write goals/{name}{SUFFIX}.")
        await shelf.put(name.removesuffix(SUFFIX), _checked(data))

    async def remove(name: str) -> None:
        await shelf.drop(name.removesuffix(SUFFIX))

    def told(record: Record) -> Change | None:
        if not record.key.startswith(PREFIX):
            return None
        return _told(record, (record.key.removeprefix(PREFIX) + SUFFIX,))

    return Folder(names=names, child=child, create=create, remove=remove, watch=follow(desk, filter, told))


def _told(record: Record, path: Path) -> Change:
    return Change(kind_of(record), path, record.seq)


def _checked(data: bytes) -> bytes:
    try:
        from_json(data)
    except msgspec.DecodeError as error:
        raise InputError(f"a goal is JSON: {error}", hint='Write {"description": "…", "priority": 1}.') from error
    return data
