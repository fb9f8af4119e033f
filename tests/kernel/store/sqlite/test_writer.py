"""The writer's thread: what waits shares one transaction, and whoever waits hears how it ended."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from perdure.base.errors import AgentNotFound, StoreError
from perdure.kernel.records import Record
from perdure.kernel.store.ops import Append, Claim, HasFence, PutAgent
from perdure.kernel.store.rows import AgentRow, RecordFilter
from perdure.kernel.store.sqlite import SqliteStore
from perdure.kernel.store.sqlite.transaction import AGENTS_REMEMBERED
from perdure.kernel.store.sqlite.writer import BATCH


def agent(id: str) -> PutAgent:
    return PutAgent(AgentRow(id, "spec", 1))


def append(key: str, agent_id: str = "a") -> Append:
    return Append(agent_id, (Record(agent_id, "r", key, "effect.done", 1, b""),))


class Gate:
    """A probe that counts transactions and holds the writer until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.transactions = 0

    def __call__(self, point: str) -> None:
        if point == "store.before_commit":
            self.transactions += 1
            self.reached.set()
            self.open.wait()


async def test_all_commits_that_wait_share_one_transaction(tmp_path: Path) -> None:
    gate = Gate()
    store = SqliteStore.open(tmp_path / "store.db", probe=gate)
    first = store.commit([agent("a")])
    await asyncio.to_thread(gate.reached.wait)
    waiting = [store.commit([append(str(n))]) for n in range(BATCH + 1)]
    failing = store.commit([append("x", "nobody")])
    gate.open.set()
    await asyncio.gather(first, *waiting)
    with pytest.raises(AgentNotFound):
        await failing
    assert gate.transactions == 3, "one alone, a full batch, and the rest"
    await store.close()


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    waiting = [store.commit([agent("a")]), *(store.commit([append(str(n))]) for n in range(100))]
    await store.close()
    assert (await waiting[-1]) == [[100]]
    assert os.listdir(tmp_path) == ["store.db"], "the write-ahead log is gone"


async def test_no_thread_is_left(tmp_path: Path) -> None:
    before = threading.active_count()
    store = SqliteStore.open(tmp_path / "store.db")
    assert threading.active_count() == before + 1
    await store.close()
    assert threading.active_count() == before


async def test_a_failure_that_nobody_foresaw_reaches_everyone_who_waits(tmp_path: Path) -> None:
    failures = [RuntimeError("unforeseen")]

    def probe(point: str) -> None:
        if point == "store.before_commit" and failures:
            raise failures.pop()

    store = SqliteStore.open(tmp_path / "store.db", probe=probe)
    with pytest.raises(StoreError, match="unforeseen"):
        await store.commit([agent("a")])
    assert await store.load_agent("a") is None
    await store.commit([agent("a")])
    await store.close()


def test_a_store_outlives_the_event_loop_that_opened_it(tmp_path: Path) -> None:
    gate = Gate()

    async def leave() -> SqliteStore:
        store = SqliteStore.open(tmp_path / "store.db", probe=gate)
        store.commit([agent("a"), append("1")])
        return store

    async def come_back(store: SqliteStore) -> None:
        assert await store.commit([append("2")]) == [[2]]
        await store.close()

    store = asyncio.run(leave())
    gate.open.set()
    asyncio.run(come_back(store))


async def test_more_agents_than_are_remembered(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    ids = [f"a{n}" for n in range(AGENTS_REMEMBERED + 2)]
    await store.commit([agent(id) for id in ids])
    await store.commit([Claim("a0", "w")])
    await store.commit([append("1", "a0"), append("2", ids[-1])], [HasFence("a0", "w", 1)])
    assert len(await store.records(RecordFilter())) == 2
    assert await store.verify("a0") == []
    await store.close()
