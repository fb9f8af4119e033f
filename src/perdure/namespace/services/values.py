"""What an agent keeps under keys, as files: every change of a value is one commit with the record that tells of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from perdure.base.codec import digest_bytes, pack
from perdure.base.errors import NoSuchFile, VersionConflict
from perdure.kernel.journal import decode, encode
from perdure.kernel.records import VALUE_SHOWN, Event, Record, ValueDropped, ValueSet
from perdure.kernel.store.ops import Append, DropValue, Guard, Op, PutValue, ValueIs
from perdure.kernel.store.rows import ValueRow

from ..only import NOTHING, wanted
from ..path import what_is_wrong
from ..port import ChangeKind, Entry
from .desk import Desk

TYPES = (ValueSet.type, ValueDropped.type)


Changes: TypeAlias = list[Sequence[Op]]
Guards: TypeAlias = list[Guard]


class Shelf:
    """The values of one agent under keys that begin with `prefix`; names are what follows it. Putting, extending and
    dropping raise VersionConflict where something else is there than is `wanted`."""

    def __init__(self, desk: Desk, agent_id: str, prefix: str) -> None:
        self._desk = desk
        self.agent_id = agent_id
        self.prefix = prefix

    async def get(self, name: str) -> ValueRow | None:
        return await self._desk.store.value(self.agent_id, self.prefix + name)

    async def put(self, name: str, data: bytes) -> None:
        """Keep `data` in place of what is there."""
        await self._change(name, lambda _: data)

    async def extend(self, name: str, data: bytes) -> None:
        """Put `data` behind what is there, whoever else does so meanwhile."""
        await self._change(name, lambda before: before + data)

    async def drop(self, *names: str) -> None:
        """Remove values, in one commit."""
        digest = wanted()
        guards = (
            [] if digest is None else [ValueIs(self.agent_id, self.prefix + name, digest or None) for name in names]
        )
        await self._commit([self._dropping(name) for name in names], guards)

    async def move(self, names: Sequence[tuple[str, str]]) -> None:
        """Give values other names, in one commit; what has such a name is replaced. Raises NoSuchFile."""
        while True:
            ops: Changes = []
            guards: Guards = []
            for name, to in names:
                row, target = await self.get(name), await self.get(to)
                if row is None:
                    raise NoSuchFile
                ops += [self._dropping(name), self._putting(to, row.data, target)]
                guards += [self._unchanged(name, row), self._unchanged(to, target)]
            try:
                return await self._commit(ops, guards)
            except VersionConflict:
                continue

    async def list(self, below: str = "") -> Sequence[Entry]:
        """The next parts of the names that begin with `below`, up to a slash: those with one are directories."""
        start = self.prefix + below
        found: dict[str, Entry] = {}
        cursor = ""
        while True:
            page = await self._desk.store.values(self.agent_id, start, cursor=cursor, limit=100)
            for row in page.items:
                name, slash, _ = row.key[len(start) :].partition("/")
                if not what_is_wrong(name):
                    found[name] = Entry(name, True) if slash else Entry(name, False, len(row.data), row.at)
            cursor = page.next
            if not cursor:
                return [*found.values()]

    async def below(self, start: str, limit: int) -> Sequence[str]:
        """Whole names that begin with `start`, at most `limit`."""
        page = await self._desk.store.values(self.agent_id, self.prefix + start, limit=limit)
        return [row.key[len(self.prefix) :] for row in page.items]

    async def _change(self, name: str, content: Callable[[bytes], bytes]) -> None:
        while True:
            row = await self.get(name)
            if wanted() not in (None, NOTHING if row is None else row.digest):
                raise VersionConflict(f"{name} is not what it was", key=self.prefix + name)
            data = content(row.data if row is not None else b"")
            try:
                return await self._commit([self._putting(name, data, row)], [self._unchanged(name, row)])
            except VersionConflict:
                continue

    def _unchanged(self, name: str, row: ValueRow | None) -> Guard:
        return ValueIs(self.agent_id, self.prefix + name, row.digest if row is not None else None)

    def _putting(self, name: str, data: bytes, before: ValueRow | None) -> Sequence[Op]:
        key = self.prefix + name
        body = {"body": msgspec.Raw(pack(data))} if len(data) <= VALUE_SHOWN else {}
        event = ValueSet(digest=digest_bytes(data), size=len(data), first=before is None, **body)
        return [PutValue(self.agent_id, key, data, self._desk.clock.now()), self._record(key, event)]

    def _dropping(self, name: str) -> Sequence[Op]:
        key = self.prefix + name
        return [DropValue(self.agent_id, key), self._record(key, ValueDropped())]

    def _record(self, key: str, event: Event) -> Op:
        record = encode(event, agent_id=self.agent_id, run_id="", key=key, at=self._desk.clock.now())
        return Append(self.agent_id, (record,))

    async def _commit(self, changes: Sequence[Sequence[Op]], guards: Sequence[Guard] = ()) -> None:
        await self._desk.store.commit([op for ops in changes for op in ops], guards)
        self._desk.news.notify()


def kind_of(record: Record) -> ChangeKind:
    """What a record of a value means to who watches it."""
    event = decode(record)
    if isinstance(event, ValueSet):
        return "created" if event.first else "modified"
    return "deleted"
