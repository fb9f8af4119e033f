"""Cancelling reaches everything that is under way: a running tool, a model call, child runs, what waits in a queue."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import Agent, Context, Envelope, tool
from perdure.kernel.store.rows import RunFilter
from perdure.testing import Scripted, by_turn, call

heard: list[str] = []


@tool(effect="once")
async def linger(name: str) -> str:
    """Take for ever."""
    heard.append(f"{name} begins")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        heard.append(f"{name} is cut short")
        raise
    return "never"


LINGERER = {"name": "lingerer", "model": "scripted/lingerer", "tools": [linger]}


class Parent(Agent):
    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        return await ctx.gather(*(ctx.run(LINGERER, f"child {n}") for n in (1, 2)))


def lingerers() -> dict[str, Any]:
    return {"scripted/lingerer": Scripted(by_turn([call("linger", name="it"), "done"]))}


async def until(question: Any) -> None:
    for _ in range(500):
        if question():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


@pytest.fixture(autouse=True)
def _nothing_heard() -> None:
    heard.clear()


async def test_a_running_tool_is_cut_short_and_named_as_doubtful(tmp_path: Path) -> None:
    models = {**lingerers(), "scripted/quick": Scripted(["fine"])}
    async with perdure.open(tmp_path, models=models) as rt:
        run = await rt.start(LINGERER, "go")
        await until(lambda: heard)
        ended = await rt.cancel(run.id, who="ann")
        assert ended.status == "cancelled"
        assert ended.error is not None
        assert ended.error["code"] == "run.cancelled"
        assert "ann" in ended.error["message"]
        assert ended.error["facts"] == {"in_doubt": ["step1/call/1/tool:linger"]}
        assert heard == ["it begins", "it is cut short"]
        assert await rt.store.verify(run.agent_id) == []
        # The agent is free for the next message.
        quick = {**LINGERER, "model": "scripted/quick"}
        assert (await rt.run(quick, "again", agent=run.agent_id)).output == "fine"


async def test_cancel_reaches_child_runs(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=lingerers()) as rt:
        run = await rt.start(Parent, "go")
        await until(lambda: len(heard) == 2)
        assert (await rt.cancel(run.id)).status == "cancelled"
        children = (await rt.store.runs(RunFilter(parent=run.id))).items
        for child in children:
            assert (await rt.wait(child)).status == "cancelled"
        assert len(children) == 2
        assert sorted(heard) == ["it begins"] * 2 + ["it is cut short"] * 2


async def test_cancel_reaches_children_that_another_process_began(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=lingerers(), grace_ms=0) as rt:
        run = await rt.start(Parent, "go")
        await until(lambda: len(heard) == 2)
    async with perdure.open(tmp_path, models=lingerers()) as rt:
        assert (await rt.cancel(run.id)).status == "cancelled"
        for child in (await rt.store.runs(RunFilter(parent=run.id))).items:
            assert (await rt.wait(child)).status == "cancelled"


async def test_a_message_in_the_queue_is_cancelled(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=lingerers()) as rt:
        first = await rt.start(LINGERER, "go", agent="bob")
        second = await rt.start(LINGERER, "go on", agent="bob")
        await until(lambda: heard)
        assert (await rt.cancel(second.id)).status == "cancelled"
        row = await rt.store.load_run(first.id)
        assert row is not None and row.status == "running"
        assert (await rt.cancel(first.id)).status == "cancelled"
        assert heard == ["it begins", "it is cut short"]
        assert await rt.store.verify("bob") == []


async def test_money_set_aside_for_a_call_that_is_cut_short_counts_as_spent_and_none_stays_reserved(
    tmp_path: Path,
) -> None:
    async def slow(request: Any) -> str:
        heard.append("asked")
        await asyncio.sleep(60)
        return "never"

    costly = {
        "name": "costly",
        "model": {"provider": "scripted", "name": "costly", "price": {"input": 1, "output": 1}},
        "budget": {"per_run": "$1", "per_day": "$2"},
    }
    async with perdure.open(tmp_path, models={"scripted/costly": Scripted(slow)}) as rt:
        run = await rt.start(costly, "go", agent="bob")
        await until(lambda: heard)
        (before,) = await rt.store.scopes([f"run:{run.id}"])
        assert before.reserved > 0
        await rt.cancel(run.id)
        for scope in await rt.store.scopes([f"run:{run.id}", "agent:bob:day"]):
            assert (scope.reserved, scope.spent) == (0, before.reserved)


class Counter(Agent):
    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        async def count(_: str) -> int:
            heard.append(f"{len(heard)}")
            await asyncio.sleep(0.02)
            return len(heard)

        return [await ctx.effect("count", "", count, effect="once") for _ in range(20)]


async def test_pause_stops_between_two_effects_and_resume_goes_on(tmp_path: Path) -> None:
    async with perdure.open(tmp_path) as rt:
        run = await rt.start(Counter, "go")
        await until(lambda: len(heard) == 5)
        assert (await rt.pause(run.id, who="ann")).status == "paused"
        so_far = len(heard)
        assert so_far < 20
        await asyncio.sleep(0.1)
        assert len(heard) == so_far
        ended = await rt.resume(run.id)
        assert (ended.status, ended.output) == ("done", list(range(1, 21)))
        assert await rt.store.verify(run.agent_id) == []


@tool(effect="read")
async def stumble(what: str) -> str:
    """Await something that somebody else has cancelled."""
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    gone.cancel()
    return await gone


async def test_a_tool_that_is_cancelled_from_inside_has_failed_and_the_run_goes_on(tmp_path: Path) -> None:
    model = Scripted(by_turn([call("stumble", what="it"), "I see."]))
    stumbler = {"name": "stumbler", "model": "scripted/stumbler", "tools": [stumble]}
    async with perdure.open(tmp_path, models={"scripted/stumbler": model}) as rt:
        ended = await asyncio.wait_for(rt.run(stumbler, "go"), 10)
        assert (ended.status, ended.output) == ("done", "I see.")
        result = model.requests[-1].messages[-1].parts[0]
        assert "cancelled by something inside" in str(result)


async def test_what_has_ended_cannot_be_cancelled(tmp_path: Path) -> None:
    model = Scripted([ValueError("no")])
    async with perdure.open(tmp_path, models={"scripted/lingerer": model}) as rt:
        ended = await rt.run(LINGERER, "go")
        assert ended.status == "failed"
        with pytest.raises(perdure.PerdureError, match="is failed already"):
            await asyncio.wait_for(rt.cancel(ended.run_id), 10)
