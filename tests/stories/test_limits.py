"""Where a run stops: out of money, out of steps, out of time, or because the process is asked to end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import perdure
from perdure import tool
from perdure.base.messages import ModelResponse, Text, ToolCall
from perdure.base.usage import Usage
from perdure.kernel.settings import Settings
from perdure.testing import Scripted, by_turn, call

done: list[str] = []


@tool(effect="once")
async def work(n: int) -> str:
    """Do a piece of work."""
    await asyncio.sleep(0.02)
    done.append(f"work {n}")
    return f"piece {n}"


def counting(request: Any) -> Any:
    """Calls `work` with 1, 2, 3 … for ever."""
    return call("work", n=1 + sum(message.role == "assistant" for message in request.messages))


WORKER = {"name": "worker", "model": "scripted/worker", "tools": [work]}


async def test_a_run_yields_at_its_step_limit_and_is_resumed(tmp_path: Path) -> None:
    done.clear()
    limited = {**WORKER, "limits": {"steps": 3}}
    async with perdure.open(tmp_path, models={"scripted/worker": Scripted(counting)}) as rt:
        rested = await rt.run(limited, "go")
        assert (rested.status, rested.steps, rested.error) == ("yielded", 3, None)
    async with perdure.open(tmp_path, models={"scripted/worker": Scripted(counting)}) as rt:
        rested = await rt.resume(rested.run_id)
        assert (rested.status, rested.steps) == ("yielded", 6)
        assert done == [f"work {n}" for n in range(1, 7)]
        assert await rt.store.verify(rested.agent_id) == []


def answer(text: str, tokens: int, *calls: ToolCall) -> ModelResponse:
    parts = calls or (Text(text),)
    return ModelResponse(parts, "tool_calls" if calls else "end", Usage(tokens, tokens))


PRICED = {"provider": "scripted", "name": "priced", "max_tokens": 100, "price": {"input": 100, "output": 100}}
"""A token costs 100 micro-USD."""


async def test_a_budget_is_never_overspent(tmp_path: Path) -> None:
    done.clear()
    model = Scripted(lambda request: answer("", 10, counting(request)))
    thrifty = {**WORKER, "model": PRICED, "budget": {"per_run": "$0.04"}}
    async with perdure.open(tmp_path, models={"scripted/priced": model}) as rt:
        ended = await rt.run(thrifty, "go")
        assert ended.status == "failed"
        assert ended.error is not None
        assert ended.error["code"] == "budget.exceeded"
        assert ended.error["facts"]["scope"] == f"run:{ended.run_id}"
        (scope,) = await rt.store.scopes([f"run:{ended.run_id}"])
        assert scope.reserved == 0
        assert scope.spent == ended.cost_microusd == 2_000 * len(model.requests) <= 40_000
        assert model.requests, "it got somewhere"
        assert len(done) == len(model.requests)


async def test_many_runs_at_once_share_the_day_and_do_not_overspend_it(tmp_path: Path) -> None:
    async def slow(request: Any) -> ModelResponse:
        await asyncio.sleep(0.01)
        return answer("said", 10)

    thrifty = {"name": "thrifty", "model": PRICED}
    (tmp_path / "perdure.toml").write_text("[budget]\nper_day = 0.1\n")
    model = Scripted(slow)
    async with perdure.open(tmp_path, models={"scripted/priced": model}) as rt:
        ended = await asyncio.gather(*(rt.run(thrifty, "go") for _ in range(40)))
        (scope,) = await rt.store.scopes(["project:day"])
        assert scope.reserved == 0
        assert scope.spent == 2_000 * len(model.requests) <= 100_000
        assert {one.status for one in ended} == {"done", "failed"}
        assert {one.error["code"] for one in ended if one.error} == {"budget.exceeded"}
        assert sum(one.status == "done" for one in ended) == len(model.requests)


async def test_closing_in_the_middle_leaves_a_run_to_be_gone_on_with(tmp_path: Path) -> None:
    done.clear()
    script = [*(call("work", n=n) for n in range(1, 11)), "finished"]
    async with perdure.open(tmp_path, models={"scripted/worker": Scripted(by_turn(script))}) as rt:
        run = await rt.start(WORKER, "go")
        while len(done) < 3:
            await asyncio.sleep(0.005)
    so_far = len(done)
    assert so_far < 10
    settings = Settings(recover=True, poll_ms=20)
    async with perdure.open(tmp_path, models={"scripted/worker": Scripted(by_turn(script))}, settings=settings) as rt:
        row = await rt.store.load_run(run.id)
        assert row is not None and row.status == "running"
        ended = await rt.wait(run)
        assert (ended.status, ended.output) == ("done", "finished")
        assert done == [f"work {n}" for n in range(1, 11)]
        assert await rt.store.verify(run.agent_id) == []


async def test_time_is_up_and_a_person_lets_it_go_on(tmp_path: Path) -> None:
    done.clear()
    script = [*(call("work", n=n) for n in range(1, 11)), "finished"]
    hasty = {**WORKER, "limits": {"timeout": "100ms"}}
    async with perdure.open(tmp_path, models={"scripted/worker": Scripted(by_turn(script))}) as rt:
        ended = await rt.run(hasty, "go")
        assert ended.status == "failed"
        assert ended.error is not None and ended.error["code"] == "run.deadline_exceeded"
        tries = 0
        while ended.status == "failed" and tries < 10:
            ended, tries = await rt.resume(ended.run_id), tries + 1
        assert (ended.status, ended.output) == ("done", "finished")
        assert done == [f"work {n}" for n in range(1, 11)]


async def test_a_call_that_was_cut_off_counts_as_spent_and_is_made_again(tmp_path: Path) -> None:
    asked: list[str] = []

    async def never(request: Any) -> ModelResponse:
        asked.append("never answered")
        await asyncio.sleep(60)
        return answer("never", 10)

    thrifty = {"name": "thrifty", "model": PRICED, "budget": {"per_run": "$1", "per_day": "$2"}}
    async with perdure.open(tmp_path, models={"scripted/priced": Scripted(never)}, grace_ms=0) as rt:
        run = await rt.start(thrifty, "go", agent="bob")
        while not asked:
            await asyncio.sleep(0.005)
        (before,) = await rt.store.scopes([f"run:{run.id}"])
        assert before.reserved > 0
    async with perdure.open(tmp_path, models={"scripted/priced": Scripted(lambda _: answer("said", 10))}) as rt:
        ended = await rt.resume(run.id)
        assert ended.output == "said"
        assert ended.cost_microusd == before.reserved + 2_000
        assert (await rt.trace(run.id)).cost_microusd == ended.cost_microusd
        for scope in await rt.store.scopes([f"run:{run.id}", "agent:bob:day"]):
            assert (scope.reserved, scope.spent) == (0, ended.cost_microusd)
        row = await rt.store.load_run(run.id)
        assert row is not None and row.cost == ended.cost_microusd
        assert await rt.store.verify("bob") == []


async def test_a_cut_off_call_of_a_run_that_is_then_cancelled_leaves_nothing_reserved(tmp_path: Path) -> None:
    asked: list[str] = []

    async def never(request: Any) -> ModelResponse:
        asked.append("never answered")
        await asyncio.sleep(60)
        return answer("never", 10)

    thrifty = {"name": "thrifty", "model": PRICED, "budget": {"per_day": "$2"}}
    async with perdure.open(tmp_path, models={"scripted/priced": Scripted(never)}, grace_ms=0) as rt:
        run = await rt.start(thrifty, "go", agent="bob")
        while not asked:
            await asyncio.sleep(0.005)
        (before,) = await rt.store.scopes(["agent:bob:day"])
    async with perdure.open(tmp_path, models={"scripted/priced": Scripted(["unused"])}) as rt:
        ended = await rt.cancel(run.id)
        assert (ended.status, ended.cost_microusd) == ("cancelled", before.reserved)
        (after,) = await rt.store.scopes(["agent:bob:day"])
        assert (after.reserved, after.spent) == (0, before.reserved)
