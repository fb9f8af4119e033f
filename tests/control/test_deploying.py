"""Agents that wake by themselves: deployed, redeployed, and deployed by a process that recovers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import perdure
from perdure.agents.schedules import Schedule
from perdure.base.clock import ManualClock
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentNotFound, InputError
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.testing import Scripted, by_turn

Open: TypeAlias = Callable[..., AbstractAsyncContextManager[perdure.Runtime]]
HOUR = 3_600_000
REPORTER = """
name: reporter
model: {provider: scripted, name: m, price: {input: 1, output: 1}}
on:
  - {every: 1h, input: Write the report.}
  - {schedule: "0 9 * * mon", timezone: Europe/Zurich, missed: skip}
"""


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, MemoryStore, ManualClock]:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/reporter.yaml").write_text(REPORTER)
    return tmp_path, MemoryStore(), ManualClock()


@pytest.fixture
def opened(world: tuple[Path, MemoryStore, ManualClock]) -> Open:
    folder, store, clock = world

    def open(*, recover: bool = True, **more: Any) -> AbstractAsyncContextManager[perdure.Runtime]:
        settings = Settings(recover=recover, heartbeat_ms=None, poll_ms=HOUR)
        models = {"scripted/m": Scripted(by_turn(["done"] * 50))}
        return perdure.open(
            folder, store=store, clock=clock, settings=settings, recover=recover, models=models, environment={}, **more
        )

    return open


async def test_an_agent_with_a_schedule_works_by_itself(opened: Open, world: Any) -> None:
    clock = world[2]
    async with opened() as rt:
        assert [one.schedule.source for one in await rt.schedules("reporter")] == ["spec", "spec"]
        await clock.advance(3 * HOUR + 1)
        runs = (await rt.runs(agent="reporter")).items
    assert [run.status for run in runs] == ["done"] * 3


async def test_schedules_outlast_the_process_and_one_run_makes_up_for_those_missed(opened: Open, world: Any) -> None:
    clock = world[2]
    async with opened() as rt:
        (first, *_) = await rt.schedules("reporter")
    await clock.advance(10 * HOUR + HOUR // 2)
    async with opened() as rt:
        await clock.advance(1)
        assert len((await rt.runs(agent="reporter")).items) == 1
        assert [one.id for one in await rt.schedules("reporter")][:1] == [first.id]
        await clock.advance(HOUR // 2)
        assert len((await rt.runs(agent="reporter")).items) == 2


async def test_a_changed_file_changes_the_schedules_and_leaves_those_of_people(opened: Open, world: Any) -> None:
    folder, _, clock = world
    async with opened() as rt:
        mine = await rt.schedule("reporter", Schedule(at=clock.now() + 100 * HOUR, payload="mine"))
        before = {one.id for one in await rt.schedules("reporter")}
    (folder / "agents/reporter.yaml").write_text(REPORTER.replace("every: 1h", "every: 2h"))
    async with opened() as rt:
        after = await rt.schedules("reporter")
        assert mine.id in {one.id for one in after}
        assert len(after) == 3 and len(before & {one.id for one in after}) == 2
        assert {one.schedule.every for one in after} == {None, 2 * HOUR}
        agent = await rt.store.load_agent("reporter")
        assert agent is not None and agent.spec == (await rt.deploy("agents/reporter.yaml")).spec
        assert await rt.unschedule("reporter", mine.id) and not await rt.unschedule("reporter", mine.id)


async def test_who_does_not_recover_deploys_and_fires_nothing(opened: Open, world: Any) -> None:
    clock = world[2]
    async with opened(recover=False) as rt:
        await clock.advance(5 * HOUR)
        assert await rt.store.load_agent("reporter") is None
        await rt.deploy("agents/reporter.yaml")
        await clock.advance(5 * HOUR)
        assert (await rt.runs(agent="reporter")).items == []


async def test_a_file_that_is_wrong_keeps_no_other_agent_from_its_work(opened: Open, world: Any) -> None:
    (world[0] / "agents/broken.yaml").write_text("name: broken\non: [{schedule: at noon}]\n")
    async with opened() as rt:
        assert list(rt.reloads.problems) == ["agents/broken.yaml"]
        assert len(await rt.schedules("reporter")) == 2


async def test_a_watched_file_reaches_the_agent(opened: Open, world: Any) -> None:
    folder, _, clock = world
    (folder / "agents/clerk.yaml").write_text(
        "name: clerk\nmodel: {provider: scripted, name: m, price: {input: 1, output: 1}}\non: [{file: inbox/*.csv}]\n"
    )
    (folder / "agents/inbox").mkdir()
    (folder / "agents/inbox/a.csv").write_text("1")
    for _ in range(2):  # the second process has nothing left to do
        async with opened() as rt:
            assert rt.drivers.names == ["file:clerk:inbox/*.csv"]
            for _ in range(100):
                await clock.advance(1_000)
                await asyncio.sleep(0.002)
                if (await rt.runs(agent="clerk")).items:
                    break
            await clock.advance(5_000)
            assert len((await rt.runs(agent="clerk")).items) == 1


async def test_a_schedule_is_checked_before_it_is_set(opened: Open) -> None:
    async with opened() as rt:
        with pytest.raises(InputError):
            await rt.schedule("reporter", Schedule())
        with pytest.raises(AgentNotFound):
            await rt.schedule("nobody", Schedule(every=HOUR))
        with pytest.raises(AgentNotFound):
            await rt.unschedule("nobody", "sch_1")
        with pytest.raises(AgentNotFound):
            await rt.deliver(Envelope("env_1", "nobody"))


class Snoozer(perdure.Agent):
    """Sets an alarm, then one more when it rings; the third message fails after setting one."""

    class State(perdure.AgentState):
        rung: list[str] = []

    async def on_message(self, ctx: perdure.Context, message: Envelope) -> str:
        id = ctx.schedule(Schedule(at=await ctx.now() + HOUR, payload=message.payload))
        if message.payload == "fail":
            raise ValueError("after all")
        if message.payload == "never mind":
            ctx.unschedule(id)
        return id

    async def on_alarm(self, ctx: perdure.Context, alarm: Envelope) -> None:
        self.state.rung = [*self.state.rung, alarm.payload["payload"]]


async def test_an_agent_sets_alarms_of_its_own_that_go_with_the_tick(opened: Open, world: Any) -> None:
    clock = world[2]
    async with opened() as rt:
        set_ = await rt.run(Snoozer, "tea", agent="snoozer")
        assert [one.id for one in await rt.schedules("snoozer")] == [set_.output]
        failed = await rt.run(Snoozer, "fail", agent="snoozer")
        assert failed.status == "failed"
        await rt.run(Snoozer, "never mind", agent="snoozer")
        assert [one.id for one in await rt.schedules("snoozer")] == [set_.output]
        assert (await rt.replay(set_.run_id)).verdict == "same"
        rt.engine.hurry()
        await clock.advance(HOUR + 1)
        await clock.advance(1)
        (alarm, *_) = (await rt.runs(agent="snoozer")).items
        assert alarm.status == "done"
        row = await rt.store.load_agent("snoozer")
        assert row is not None and row.state is not None and b"tea" in row.state
        assert await rt.schedules("snoozer") == []
