"""Schedules and files of a project that speak to a topic: each happening once, whoever looks, and over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.agents.schedules import Schedule
from perdure.base.clock import ManualClock
from perdure.base.envelope import Envelope
from perdure.base.errors import BusFull, InvalidFile, PerdureError
from perdure.control.drivers.schedule import ScheduleSource
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import PublishEvent, PutMark
from perdure.kernel.topics import check_event

MINUTE = 60_000


class Log:
    """The log of events that sources publish into, as the bus does; it may refuse."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = ManualClock()
        self.refuses: PerdureError | None = None
        self.new: list[Envelope] = []

    async def sink(self, envelope: Envelope) -> None:
        if self.refuses is not None:
            raise self.refuses
        event: PublishEvent = check_event(envelope)
        ((_, is_new),) = await self.store.commit((event,))
        self.new += [envelope] if is_new else []

    @asynccontextmanager
    async def ticking(self, name: str = "tick", *, times: int = 1, **how: Any) -> AsyncIterator[list[ScheduleSource]]:
        """As many processes as `times` that have the same source."""
        schedule = Schedule(**how)
        sources = [ScheduleSource(name, schedule, "t", store=self.store, clock=self.clock) for _ in range(times)]
        for source in sources:
            await source.start(self.sink)
        await self.clock.advance(0)
        try:
            yield sources
        finally:
            for source in sources:
                await source.stop()

    @property
    def at(self) -> list[int]:
        """When the events were due, in minutes after the first."""
        times = [one.payload["scheduled_at"] for one in self.new]
        return [(time - times[0]) // MINUTE for time in times]


@pytest.fixture
def log() -> Log:
    return Log()


async def test_an_interval_publishes_each_time(log: Log) -> None:
    async with log.ticking(every=MINUTE, payload={"do": "look"}):
        await log.clock.advance(3 * MINUTE)
    assert log.at == [0, 1, 2]
    assert {(one.topic, one.to, one.kind, one.sender) for one in log.new} == {("t", "", "event", "schedule:tick")}
    assert log.new[0].payload["payload"] == {"do": "look"}


async def test_of_many_processes_each_time_is_published_once(log: Log) -> None:
    async with log.ticking(every=MINUTE, times=5):
        await log.clock.advance(10 * MINUTE)
    assert log.at == list(range(10))


@pytest.mark.parametrize(
    ("missed", "published"), [("run_once", [0, 50, 60]), ("skip", [0, 60]), ("catch_up", [0, 30, 40, 50, 60])]
)
async def test_what_was_due_while_nothing_ran(log: Log, missed: str, published: list[int]) -> None:
    how = {"every": 10 * MINUTE, "missed": missed, "most": 3}
    async with log.ticking(**how):
        await log.clock.advance(10 * MINUTE)
    await log.clock.advance(55 * MINUTE)
    async with log.ticking(**how):
        await log.clock.advance(5 * MINUTE)
    assert log.at == published


async def test_one_that_cannot_be_published_comes_later(log: Log) -> None:
    async with log.ticking(every=MINUTE) as (source,):
        log.refuses = BusFull("no room")
        await log.clock.advance(MINUTE + 5_000)
        assert source.trouble is log.refuses and not log.new
        log.refuses = None
        await log.clock.advance(1_000)
        assert source.trouble is None and log.at == [0]


async def test_a_crash_before_the_mark_has_moved_publishes_nothing_twice(log: Log) -> None:
    async with log.ticking(every=MINUTE):
        mark = await log.store.mark("source:tick")
        await log.clock.advance(MINUTE)
    assert mark is not None
    await log.store.commit([PutMark(mark)])
    async with log.ticking(every=MINUTE):
        await log.clock.advance(MINUTE)
    assert log.at == [0, 1]


async def test_a_schedule_that_was_changed_begins_anew(log: Log) -> None:
    async with log.ticking(every=60 * MINUTE):
        await log.clock.advance(MINUTE)
    async with log.ticking(every=2 * MINUTE):
        await log.clock.advance(4 * MINUTE)
    assert log.at == [0, 2]


# -- in a project -----------------------------------------------------------------------------------------------------

PROJECT = """
[bus.sources.beat]
every = "10s"
topic = "clock.beat"
payload = {n = 1}

[bus.sources.in]
file = "in/*.csv"
topic = "files.in"

[bus.topics."clock.>"]
durable = false
"""


async def test_a_project_publishes_its_beats_and_files_to_whoever_hears_them(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text(PROJECT)
    (tmp_path / "agents").mkdir()
    (tmp_path / "ear.py").write_text(
        "from perdure import Agent\n"
        "class Ear(Agent):\n"
        "    async def on_event(self, ctx, event):\n"
        "        return [event.topic, event.payload]\n"
    )
    (tmp_path / "agents/ear.yaml").write_text("name: ear\nclass: ../ear.py:Ear\non: [{topic: clock.>}]\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("1")
    clock = ManualClock()

    async def until(rt: perdure.Runtime, topic: str, count: int) -> list[Any]:
        async with asyncio.timeout(20):
            while len(found := await rt.topics.events(topic)) < count:
                await clock.advance(500)
                await asyncio.sleep(0.001)
        return [event.envelope.payload for event in found]

    for round in (1, 2):
        async with perdure.open(tmp_path, clock=clock, recover=True) as rt:
            (file, *more) = await until(rt, "files.in", round)
            assert (file["event"], file["path"], len(more)) == ("created", "in/a.csv", round - 1)
            assert (await until(rt, "clock.beat", 2 * round))[-1]["payload"] == {"n": 1}
            async with asyncio.timeout(20):
                while len(runs := (await rt.runs(agent="ear", status=["done"])).items) < 2 * round:
                    await clock.advance(500)
                    await asyncio.sleep(0.001)
            assert (await rt.look(runs[0].run_id)).output[0] == "clock.beat"
        (tmp_path / "in/a.csv").write_text("12")  # a change while nobody watches


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ('topic = "t"', "exactly one of websocket, schedule, every, file; found none"),
        ('topic = "t"\nevery = "1m"\nfile = "a"', "found every and file"),
        ('every = "1m"', "topic"),
        ('topic = "t"\nevery = "10ms"', "a second or longer"),
        ('topic = "t"\nschedule = "61 * * * *"', "cron"),
        ('topic = "t"\nschedule = "0 9 * * *"\ntimezone = "Moon/Base"', "time zone"),
        ('topic = "t"\nfile = "../secrets/*"', "below this file's folder"),
        ('topic = "t.*"\nevery = "1m"', "expected a topic"),
    ],
)
async def test_a_source_that_cannot_be_is_told_with_its_place(tmp_path: Path, said: str, problem: str) -> None:
    (tmp_path / "perdure.toml").write_text(f"[bus.sources.one]\n{said}\n")
    with pytest.raises(InvalidFile) as told:
        async with perdure.open(tmp_path):
            pass
    assert problem in str(told.value) and "perdure.toml:" in str(told.value)
