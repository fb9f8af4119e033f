"""The journal as something to watch."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.clock import settle
from perdure.kernel.records import Record
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import Append, PutAgent
from perdure.kernel.store.rows import AgentRow, RecordFilter
from perdure.namespace.signal import Signal
from perdure.namespace.tail import Tail
from perdure.testing import ManualClock


class Journal:
    """A store with the agents a and b, and ways to add to it and to watch it."""

    def __init__(self) -> None:
        self.store, self.signal, self.clock = MemoryStore(), Signal(), ManualClock()

    async def add(self, *texts: str, agent: str = "a") -> None:
        ops = [PutAgent(AgentRow(agent, "spec", 1))]
        records = tuple(Record(agent, "r", text, "effect.done", 7, text.encode()) for text in texts)
        await self.store.commit([*ops, Append(agent, records)])

    def tail(self, agent: str = "a") -> Tail:
        return Tail(self.store, RecordFilter(agent), told, signal=self.signal, clock=self.clock, poll_ms=500)


def told(record: Record) -> bytes | None:
    return None if record.data.startswith(b"hidden") else record.data


@pytest.fixture
def journal() -> Journal:
    return Journal()


async def test_a_watch_begins_now_and_is_woken_by_the_signal(journal: Journal) -> None:
    await journal.add("before")
    watch = await journal.tail().watch()
    waiting = asyncio.ensure_future(anext(watch))
    await settle()
    assert not waiting.done()
    await journal.add("other", agent="b")
    await journal.add("hidden one", "after")
    journal.signal.notify()
    change = await waiting
    assert (change.kind, change.path, change.data) == ("data", (), b"after")
    await watch.aclose()


async def test_what_another_process_commits_is_found_by_polling(journal: Journal) -> None:
    watch = await journal.tail().watch()
    waiting = asyncio.ensure_future(anext(watch))
    await journal.clock.advance(400)
    await journal.add("theirs")
    await settle()
    assert not waiting.done()
    await journal.clock.advance(100)
    assert (await waiting).data == b"theirs"
    await watch.aclose()


async def test_who_comes_back_with_a_cursor_misses_nothing(journal: Journal) -> None:
    texts = [f"record {number}" for number in range(700)]
    await journal.add(*texts[:300])
    watch = await journal.tail().watch(0)
    seen = [await anext(watch) for _ in range(100)]
    await watch.aclose()
    await journal.add(*texts[300:])
    again = await journal.tail().watch(seen[-1].seq)
    seen += [await anext(again) for _ in range(600)]
    assert [change.data.decode() for change in seen] == texts
    assert [change.seq for change in seen] == sorted({change.seq for change in seen})
    await again.aclose()


async def test_a_cursor_of_another_journal_is_a_gap(journal: Journal) -> None:
    await journal.add("one")
    watch = await journal.tail().watch(10**9)
    gap = await anext(watch)
    await journal.add("two")
    journal.signal.notify()
    change = await anext(watch)
    assert (gap.kind, change.data) == ("gap", b"two")
    assert change.seq > gap.seq
    await watch.aclose()


async def test_closing_wakes_who_waits(journal: Journal) -> None:
    watch = await journal.tail().watch()
    waiting = asyncio.ensure_future(anext(watch, None))
    await settle()
    await watch.aclose()
    assert await waiting is None
    assert [change async for change in watch] == []


async def test_a_signal_between_looking_and_waiting_is_not_missed() -> None:
    signal = Signal()
    count = signal.count
    signal.notify()
    await signal.beyond(count)
    waiting = [asyncio.ensure_future(signal.beyond(signal.count)) for _ in range(3)]
    await settle()
    waiting[0].cancel()
    await settle()
    signal.notify()
    await asyncio.gather(*waiting[1:])
