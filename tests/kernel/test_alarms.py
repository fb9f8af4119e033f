"""Alarms: fired once for each due time, by however many processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from perdure.base.clock import ManualClock
from perdure.base.codec import pack, unpack
from perdure.base.errors import InputError
from perdure.base.ids import Ids, seeded
from perdure.kernel.alarms import Alarm, Alarms, Firing, drop_schedule, set_schedule
from perdure.kernel.engine import Engine
from perdure.kernel.program import Program
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import DeleteAgent, PutAgent, SetTimer
from perdure.kernel.store.rows import AgentRow, RunFilter
from perdure.kernel.store.sqlite import SqliteStore

HOUR = 3_600_000


def hourly(id: str, value: bytes, due: int, now: int) -> Firing:
    """A plan is how many hours to go on for."""
    left = unpack(value)["until"]
    return Firing((Alarm(due, {"due": due}),), due + HOUR if due + HOUR <= left else None)


class Heard:
    """A program that writes down the alarms that reach its agent, and the programs of every spec."""

    def __init__(self):
        self.alarms = []

    async def handle(self, ctx):
        self.alarms.append((ctx.agent_id, ctx.envelope.kind, ctx.envelope.payload["due"]))

    async def program(self, digest):
        return Program(self.handle)

    async def find(self, target):
        return target, target.encode(), Program(self.handle)


@asynccontextmanager
async def process(store, clock, heard, number=1, planner=hourly, **settings) -> AsyncIterator[Engine]:
    engine = Engine(
        store,
        heard,
        clock=clock,
        ids=Ids(clock, seeded(number)),
        project=Path("."),
        settings=Settings(**({"recover": True, "poll_ms": HOUR // 3} | settings)),
        planner=planner,
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def plan(store, clock, hours, agent="ann", id="sch_1", value=None):

    start = clock.now()
    value = pack({"until": start + hours * HOUR}) if value is None else value
    ops = set_schedule(agent, id, value, start + HOUR, now=start)
    await store.commit([PutAgent(AgentRow(agent, "spec", start)), *ops])
    return start


async def test_an_alarm_reaches_its_agent_each_time_that_it_is_due_and_then_no_more():
    store, clock, heard = MemoryStore(), ManualClock(), Heard()
    start = await plan(store, clock, 3)
    async with process(store, clock, heard):
        await clock.advance(HOUR - 1)
        assert heard.alarms == []
        await clock.advance(1)
        assert heard.alarms == [("ann", "alarm", start + HOUR)]
        await clock.advance(10 * HOUR)
    assert heard.alarms == [("ann", "alarm", start + hours * HOUR) for hours in (1, 2, 3)]
    assert (await store.timers("ann"), (await store.values("ann")).items) == ([], [])


async def test_two_processes_on_one_file_fire_each_time_once(tmp_path):
    clock, heard = ManualClock(), Heard()
    first, second = (SqliteStore.open(tmp_path / "db") for _ in range(2))
    start = await plan(first, clock, 40)
    steady = {
        "poll_ms": HOUR // 3,
        "lease_ms": 100 * HOUR,
    }  # hours pass at once: that is no reason to be taken for dead
    async with process(first, clock, heard, 1, **steady), process(second, clock, heard, 2, **steady):
        while len(heard.alarms) < 40 and clock.now() < start + 80 * HOUR:
            await clock.advance(HOUR // 6)
            await first.commit([])  # so much time for the disk
    assert [due for _, _, due in heard.alarms] == [start + hours * HOUR for hours in range(1, 41)]
    assert len((await first.runs(RunFilter(agent_id="ann"), limit=100)).items) == 40
    await first.close()
    await second.close()


async def test_of_many_who_find_a_schedule_due_at_once_one_fires_it():

    store, clock = MemoryStore(), ManualClock()
    await plan(store, clock, 5)
    await clock.advance(HOUR)
    (timer,) = await store.due(clock.now(), 10)
    fired = await asyncio.gather(*(Alarms(store, clock, hourly).fire(timer) for _ in range(10)))
    assert sum(fired) == 1
    assert len(await store.mail("ann", 100)) == 1


async def test_firing_after_a_crash_before_the_next_due_time_was_known_is_a_duplicate():

    store, clock = MemoryStore(), ManualClock()
    await plan(store, clock, 5)
    await clock.advance(HOUR)
    (timer,) = await store.due(clock.now(), 10)
    assert await Alarms(store, clock, hourly).fire(timer)
    await store.commit([SetTimer(timer)])  # somebody puts it back
    assert await Alarms(store, clock, hourly).fire(timer)
    assert len(await store.mail("ann", 100)) == 1


async def test_a_process_that_was_not_asked_to_recover_leaves_alarms_to_others():
    store, clock, heard = MemoryStore(), ManualClock(), Heard()
    await plan(store, clock, 1)
    async with process(store, clock, heard, recover=False):
        await clock.advance(5 * HOUR)
    assert heard.alarms == [] and len(await store.timers("ann")) == 1


async def test_a_schedule_that_was_dropped_is_not_fired():
    store, clock, heard = MemoryStore(), ManualClock(), Heard()
    await plan(store, clock, 5)
    async with process(store, clock, heard):
        await clock.advance(HOUR)
        await store.commit(drop_schedule("ann", "sch_1"))
        await clock.advance(5 * HOUR)
    assert len(heard.alarms) == 1


async def test_a_schedule_set_while_the_engine_sleeps_is_seen_in_time():
    store, clock, heard = MemoryStore(), ManualClock(), Heard()
    async with process(store, clock, heard, heartbeat_ms=None) as engine:
        await clock.advance(HOUR)
        await plan(store, clock, 1)
        engine.hurry()
        await clock.advance(HOUR)
    assert len(heard.alarms) == 1


async def test_a_plan_that_cannot_be_read_stays_due_and_keeps_nobody_else_from_theirs():
    broken = True

    def sometimes(id, value, due, now):
        if broken and id == "sch_bad":
            raise InputError("no such time zone any more")
        return hourly(id, value, due, now)

    store, clock, heard = MemoryStore(), ManualClock(), Heard()
    await plan(store, clock, 9, agent="bob", id="sch_bad")
    await plan(store, clock, 1)
    async with process(store, clock, heard, planner=sometimes) as engine:
        await clock.advance(HOUR)
        assert [agent for agent, *_ in heard.alarms] == ["ann"]
        assert "time zone" in str(engine.alarms.trouble["sch_bad"])
        broken = False
        await clock.advance(HOUR // 2)
        assert [agent for agent, *_ in heard.alarms] == ["ann", "bob"]
        assert engine.alarms.trouble == {}


async def test_an_alarm_of_an_agent_that_is_gone_is_gone_with_it():

    store, clock, heard = MemoryStore(), ManualClock(), Heard()
    await plan(store, clock, 5)
    await store.commit([DeleteAgent("ann")])
    async with process(store, clock, heard):
        await clock.advance(5 * HOUR)
    assert heard.alarms == [] and await store.next_due() is None
