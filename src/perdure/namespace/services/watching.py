"""Watching the journal: changes are read from it, never queued, so that nobody misses what is on record."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from perdure.kernel.records import Record
from perdure.kernel.store.rows import RecordFilter

from ..node import Watching
from ..path import ROOT
from ..port import Change, Watch
from .desk import Desk

AT_ONCE = 256

Told: TypeAlias = Callable[[Record], Change | None]
"""What a record means to who watches, with the record's seq as the cursor; None where it is none of their business."""
Over: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether nothing can follow."""


class JournalWatch:
    """Reads on behind `cursor`, and waits where there is nothing more; it ends where it is `over`. One who is slow
    holds up nobody, and finds everything later."""

    def __init__(self, desk: Desk, filter: RecordFilter, cursor: int, told: Told, over: Over) -> None:
        self._desk = desk
        self._filter = filter
        self._cursor = cursor
        self._told = told
        self._over = over
        self._ready: deque[Change] = deque()
        self._bell = desk.news.bell()
        self._ended = False

    def __aiter__(self) -> JournalWatch:
        return self

    async def __anext__(self) -> Change:
        while not self._ready and not self._ended:
            self._bell.clear()
            over = await self._over()  # asked first, so that the last records are not missed
            if not await self._read():
                self._ended = self._ended or over
                if not self._ended:
                    await self._desk.news.wait(self._bell)
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def aclose(self) -> None:
        self._ended = True
        self._ready.clear()
        self._bell.set()

    def skip_to(self, cursor: int) -> None:
        """Tell of a gap, and go on behind `cursor`: the one handed in is not of this journal."""
        self._ready.append(Change("gap", ROOT, cursor))
        self._cursor = cursor

    async def _read(self) -> bool:
        records = await self._desk.store.records(self._filter, after=self._cursor, limit=AT_ONCE)
        for record in records:
            self._cursor = record.seq
            change = self._told(record)
            if change is not None and not self._ended:
                self._ready.append(change)
        return bool(records)


def follow(desk: Desk, filter: RecordFilter, told: Told, *, over: Over | None = None) -> Watching:
    """What a node gives as its `watch`: changes that the records matching `filter` tell of. It ends when the agent is
    gone, unless `over` says otherwise."""

    async def gone() -> bool:
        return bool(filter.agent_id) and await desk.store.load_agent(filter.agent_id) is None

    async def watch(after: int | None) -> Watch:
        last = next((record.seq for record in await newest(desk, RecordFilter(), 1)), 0)
        found = JournalWatch(desk, filter, last if after is None else after, told, over or gone)
        if after is not None and after > last:
            found.skip_to(last)
        return found

    return watch


def modified(desk: Desk, filter: RecordFilter) -> Watching:
    """What a document gives as its `watch` that may be another one after each of these records."""
    return follow(desk, filter, lambda record: Change("modified", ROOT, record.seq))


async def newest(desk: Desk, filter: RecordFilter, count: int) -> list[Record]:
    """The last `count` records that match, the oldest first."""
    return (await desk.store.records(filter, limit=count, order="newest"))[::-1]
