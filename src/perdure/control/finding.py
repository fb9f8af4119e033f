"""Finding agents and runs by what people type, and what is on record of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from perdure.base.errors import AgentNotFound, InputError, RunNotFound
from perdure.kernel.records import Record
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import AgentRow, RecordFilter, RunFilter, RunRow

AT_ONCE = 200
"""Rows read at a time where all of many are wanted."""


async def find_agent(store: Store, id: str) -> AgentRow:
    """The agent with this id. Raises AgentNotFound."""
    row = await store.load_agent(id)
    if row is None:
        raise AgentNotFound(f"no agent is called {id!r}", hint="`perdure agents list` shows all of them.", agent_id=id)
    return row


async def find_run(store: Store, id: str) -> RunRow:
    """The run with this id, or the only one whose id begins with it, `run_` or not. Raises RunNotFound, InputError."""
    row = await store.load_run(id) if id.isascii() else None
    if row is not None:
        return row
    if len(id.removeprefix("run_")) < 4 or not id.isascii():
        raise RunNotFound(f"no run {id!r}", run_id=id)
    for prefix in (id, f"run_{id}"):
        page = await store.runs(RunFilter(id_prefix=prefix), limit=2)
        if len(page.items) == 1:
            return page.items[0]
        if page.items:
            raise InputError(f"{id!r} begins the ids of several runs", hint="Give more of it.", run_id=id)
    raise RunNotFound(f"no run {id!r}", run_id=id)


async def each_run(store: Store, filter: RunFilter) -> AsyncIterator[RunRow]:
    """All runs that match, the newest first, read a page at a time."""
    cursor = ""
    while True:
        page = await store.runs(filter, cursor=cursor, limit=AT_ONCE)
        for row in page.items:
            yield row
        cursor = page.next
        if not cursor:
            return


async def records_of(store: Store, run: RunRow) -> list[Record]:
    """All records of a run, in order."""
    found: list[Record] = []
    after = run.first_seq - 1
    while page := await store.records(RecordFilter(run.agent_id, run.id), after=after, limit=1000):
        found += page
        after = page[-1].seq
    return found
