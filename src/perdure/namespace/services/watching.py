"""Watching what the journal tells of an agent. Cursors are the seqs of its records, the same for every file."""

from __future__ import annotations

from perdure.kernel.records import Record
from perdure.kernel.store.rows import RecordFilter

from ..node import Watching
from ..path import ROOT
from ..port import Change
from ..tail import Over, Tail, Told
from .desk import Desk


def follow(desk: Desk, filter: RecordFilter, told: Told, *, over: Over | None = None) -> Watching:
    """What a node gives as its `watch`: what the records matching `filter` mean to who watches it. It ends when the
    agent is gone, unless `over` says otherwise."""

    async def gone() -> bool:
        return bool(filter.agent_id) and await desk.store.load_agent(filter.agent_id) is None

    tail = Tail(desk.store, filter, told, signal=desk.news, clock=desk.clock, over=over or gone)
    return tail.watch


def modified(desk: Desk, filter: RecordFilter) -> Watching:
    """What a document gives as its `watch` that may be another one after each of these records."""
    return follow(desk, filter, lambda record: Change("modified", ROOT, record.seq))


async def newest(desk: Desk, filter: RecordFilter, count: int) -> list[Record]:
    """The last `count` records that match, the oldest first."""
    return (await desk.store.records(filter, limit=count, order="newest"))[::-1]
