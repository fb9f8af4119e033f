"""Waiting costs nothing and survives everything: approvals, sleeps, questions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import perdure
from perdure import Agent, Context, Envelope, tool
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.testing import ManualClock, Scripted, by_turn, call

HOUR = 3_600_000
WEEK = 7 * 24 * HOUR
TIMELESS = Settings(recover=True, heartbeat_ms=None)


@tool(effect="idempotent")
async def pay(amount: int, *, key: str) -> str:
    """Pay somebody."""
    return f"paid {amount}"


PAYER = {"name": "payer", "model": "scripted/payer", "tools": [pay], "approve": ["pay"]}


def payer() -> dict[str, Any]:
    return {"scripted/payer": Scripted(by_turn([call("pay", amount=7), "It is paid."]))}


async def test_an_approval_takes_a_week(tmp_path: Path) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with perdure.open(tmp_path, store=store, clock=clock, settings=TIMELESS, models=payer()) as rt:
        asked = await rt.run(PAYER, "Pay the bill")
        assert (asked.status, asked.waiting_for) == ("waiting", "approval")
        assert asked.waits[0].about["about"] == {"tool": "pay", "arguments": {"amount": 7}, "policy": "approve: pay"}
        await clock.advance(WEEK)
        assert (await rt.wait(asked.run_id)).waiting_for == "approval"
        await rt.approve(asked.run_id, who="ann")
        paid = await rt.wait(await rt.store.load_run(asked.run_id))
        while paid.status == "waiting":
            await clock.advance(1)
            paid = await rt.wait(asked.run_id)
        assert (paid.status, paid.output) == ("done", "It is paid.")
        assert paid.duration_ms >= WEEK
        assert await rt.store.verify(asked.agent_id) == []


async def test_what_is_denied_is_not_done(tmp_path: Path) -> None:
    models = {"scripted/payer": Scripted(by_turn([call("pay", amount=7), "Then not."]))}
    async with perdure.open(tmp_path, models=models) as rt:
        asked = await rt.run(PAYER, "Pay the bill")
        await rt.deny(asked.run_id, why="too much")
        ended = await rt.resume(asked.run_id)
        assert (ended.status, ended.output) == ("done", "Then not.")
        said = models["scripted/payer"].requests[-1].messages[-1]
        assert "not approved" in str(said.parts[0])


async def test_an_approval_is_given_in_another_process(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, models=payer()) as rt:
        asked = await rt.run(PAYER, "Pay the bill")
    async with perdure.open(tmp_path, models=payer()) as rt:
        await rt.approve(asked.run_id, who="ann")
    async with perdure.open(tmp_path, models=payer()) as rt:
        ended = await rt.resume(asked.run_id)
        assert (ended.status, ended.output) == ("done", "It is paid.")


class Napper(Agent):
    async def on_message(self, ctx: Context, message: Envelope) -> Any:
        began = await ctx.now()
        await ctx.sleep(message.payload)
        return await ctx.now() - began


async def test_a_sleep_goes_on_over_a_restart(tmp_path: Path) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with perdure.open(tmp_path, store=store, clock=clock, settings=TIMELESS) as rt:
        run = await rt.start(Napper, 5 * HOUR)
        await clock.advance(2 * HOUR)
    await clock.advance(1 * HOUR)
    async with perdure.open(tmp_path, store=store, clock=clock, settings=TIMELESS) as rt:
        await clock.advance(1 * HOUR)
        assert (await store.load_run(run.id)).status == "waiting"  # type: ignore[union-attr]
        end = asyncio.ensure_future(rt.wait(run))
        await clock.advance(1 * HOUR)
        assert (await end).output == 5 * HOUR


async def test_a_sleep_that_ended_while_nobody_was_there(tmp_path: Path) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with perdure.open(tmp_path, store=store, clock=clock, settings=TIMELESS) as rt:
        run = await rt.start(Napper, HOUR)
        await clock.advance(1)
    await clock.advance(WEEK)
    async with perdure.open(tmp_path, store=store, clock=clock, settings=TIMELESS) as rt:
        assert (await rt.wait(run)).output == WEEK + 1


async def test_a_hundred_agents_sleep_and_none_is_in_memory(tmp_path: Path) -> None:
    clock, store = ManualClock(), MemoryStore()
    async with perdure.open(tmp_path, store=store, clock=clock, settings=TIMELESS) as rt:
        runs = [await rt.start(Napper, HOUR + n, agent=f"nap-{n}") for n in range(100)]
        await clock.advance(TIMELESS.linger_ms * 2)
        assert rt.engine._held == {}
        ends = asyncio.gather(*(rt.wait(run) for run in runs))
        await clock.advance(2 * HOUR)
        assert [end.status for end in await ends] == ["done"] * 100


async def test_a_conversation_continues_in_another_process(tmp_path: Path) -> None:
    async def first(rt: perdure.Runtime) -> None:
        assert (await rt.run(spec, "My name is Bob.", agent="bob")).output == "heard"

    spec = {"name": "friend", "model": "scripted/friend"}
    async with perdure.open(tmp_path, models={"scripted/friend": Scripted(["heard"])}) as rt:
        await first(rt)
    model = Scripted(["You are Bob."])
    async with perdure.open(tmp_path, models={"scripted/friend": model}) as rt:
        assert (await rt.run(spec, "Who am I?", agent="bob")).output == "You are Bob."
        assert [message.text for message in model.requests[0].messages] == ["My name is Bob.", "heard", "Who am I?"]
        assert await rt.store.verify("bob") == []
