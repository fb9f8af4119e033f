"""Budgets as people see them: looked at, raised, agreed to, waited for."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import InputError, NotAnApprover, RunNotFound
from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.kernel.budgets import DAY_MS, Pool
from perdure.testing import Scripted

PRICED = {"provider": "scripted", "name": "m", "max_tokens": 100, "price": {"input": 0, "output": 1_000}}
"""A call reserves $0.10, and costs $0.01 in the end."""
RESERVED, COST = 100_000, 10_000


def spender(**budget: Any) -> dict[str, Any]:
    return {"name": "spender", "model": PRICED, "budget": budget}


def model() -> Scripted:
    return Scripted(lambda _: ModelResponse((Text("said"),), "end", Usage(10, 10)))


def amounts(line: Any) -> tuple[Any, ...]:
    return line.scope, line.limit_microusd, line.reserved_microusd, line.spent_microusd, line.remaining_microusd


async def test_a_project_without_limits_has_no_budgets(opened: Any) -> None:
    async with opened(model()) as rt:
        await rt.run(spender(), "go")
        assert await rt.budgets() == []


async def test_what_may_be_spent_and_what_is(opened: Any, project: Any) -> None:
    (project / "perdure.toml").write_text("[budget]\nper_day = 1\nper_month = 20\n")
    clock = ManualClock()
    async with opened(model(), clock=clock) as rt:
        day, month = await rt.budgets()
        assert amounts(day) == ("project:day", 1_000_000, 0, 0, 1_000_000)
        assert (day.resets_at % DAY_MS, month.resets_at % DAY_MS) == (0, 0)
        assert clock.now() < day.resets_at <= clock.now() + DAY_MS < month.resets_at
        result = await rt.run(spender(per_run="$0.5", per_tick="$0.4", per_day="$0.3"), "go", agent="ann")
        assert result.cost_microusd == COST
        rest = 1_000_000 - COST
        assert amounts((await rt.budgets("project:day"))[0]) == ("project:day", 1_000_000, 0, COST, rest)
        assert [line.scope for line in await rt.budgets("ann")] == ["agent:ann:tick", "agent:ann:day"]
        assert [line.scope for line in await rt.budgets(result.run_id)] == [
            f"run:{result.run_id}",
            "agent:ann:tick",
            "agent:ann:day",
            "project:day",
            "project:month",
        ]
        assert len(await rt.budgets()) == 4
        await clock.advance(DAY_MS)
        assert amounts((await rt.budgets("agent:ann:day"))[0]) == ("agent:ann:day", 300_000, 0, 0, 300_000)
        assert amounts((await rt.budgets("project:month"))[0])[3] == COST


async def test_what_is_no_budget_is_said_to_be_none(opened: Any) -> None:
    async with opened(model()) as rt:
        await rt.run(spender(), "go", agent="ann")
        for scope in ("project:day", "agent:ann:day", "agent:bob:day", "run:run_1", "nonsense:"):
            with pytest.raises(InputError):
                await rt.budgets(scope)
            with pytest.raises(InputError):
                await rt.set_budget(scope, 5)
        with pytest.raises(RunNotFound):
            await rt.budgets("bob")


async def test_a_run_that_ran_out_of_money_goes_on_when_it_is_given_more(opened: Any) -> None:
    async with opened(model()) as rt:
        failed = await rt.run(spender(per_run="$0.05"), "go")
        assert failed.error["code"] == "budget.exceeded"
        assert (await rt.resume(failed.run_id)).error["code"] == "budget.exceeded"
        line = await rt.set_budget(f"run:{failed.run_id}", RESERVED, who="ann")
        assert (line.limit_microusd, line.is_set) == (RESERVED, True)
        done = await rt.resume(failed.run_id)
        assert (done.status, done.cost_microusd) == ("done", COST)
        assert await rt.store.verify(failed.agent_id) == []


async def test_and_so_does_one_of_an_agent_whose_day_is_spent(opened: Any) -> None:
    async with opened(model()) as rt:
        failed = await rt.run(spender(per_day="$0.05"), "go", agent="ann")
        await rt.set_budget("agent:ann:day", 2 * RESERVED)
        assert (await rt.resume(failed.run_id)).status == "done"
        again = await rt.set_budget("agent:ann:day", None)
        assert (again.limit_microusd, again.is_set, again.spent_microusd) == (50_000, False, COST)


async def test_one_that_waits_goes_on_by_itself_when_the_budget_is_raised(opened: Any) -> None:
    async with opened(model()) as rt:
        waiting = await rt.run(spender(per_day="$0.05", on_exceeded="wait"), "go", agent="ann")
        assert (waiting.status, waiting.waiting_for) == ("waiting", "budget")
        still = await rt.resume(waiting.run_id)
        assert (still.status, still.waiting_for) == ("waiting", "budget")
        assert still.waits[0].about["scope"] == "agent:ann:day"
        await rt.set_budget("agent:ann:day", RESERVED)
        assert (await rt.wait(waiting.run_id, beyond=still.waits)).output == "said"


async def test_only_approvers_are_let_agree_to_a_large_spend(opened: Any) -> None:
    asking = spender(approval_threshold="$0.01", approvers=["ann"])
    async with opened(model()) as rt:
        waiting = await rt.run(asking, "go")
        (wait,) = waiting.waits
        assert wait.about["about"]["amount_microusd"] == RESERVED
        for say in (rt.approve, rt.deny):
            with pytest.raises(NotAnApprover) as refused:
                await say(waiting.run_id, who="bob")
            assert refused.value.facts == {"who": "bob", "approvers": ["ann"]}
        await rt.approve(waiting.run_id, who="ann")
        assert (await rt.wait(waiting.run_id, beyond=waiting.waits)).output == "said"
        trace = await rt.trace(waiting.run_id)
        asked = next(node for node in trace.children if node.kind == "wait")
        assert (asked.detail["answer"], asked.detail["by"]) == ("approve", "ann")
        assert (await rt.replay(waiting.run_id)).verdict == "same"


async def test_what_is_denied_ends_the_run(opened: Any) -> None:
    async with opened(model()) as rt:
        waiting = await rt.run(spender(approval_threshold="$0.01"), "go")
        await rt.deny(waiting.run_id, who="bob")
        ended = await rt.wait(waiting.run_id, beyond=waiting.waits)
        assert (ended.error["code"], ended.error["facts"]["who"]) == ("budget.denied", "bob")


async def test_a_listener_hears_that_a_budget_is_low(opened: Any) -> None:
    async with opened(model()) as rt:
        heard = [event async for event in rt.stream(spender(per_run="$0.2", warn_at=0.05), "go")]
        (warning,) = [event for event in heard if event.type == "warning"]
        run_id = heard[0].data["run_id"]
        assert warning.text == f"run:{run_id} has spent $0.01 of $0.20"
        assert warning.data == {"scope": f"run:{run_id}", "spent_microusd": COST, "limit_microusd": 200_000}
        assert await rt.budget_warnings(run_id) == [warning.text]
        assert [node.name for node in (await rt.trace(run_id)).children if node.kind == "event"] == ["budget is low"]


async def test_a_tenant_is_a_budget_of_its_own(opened: Any) -> None:
    async with opened(model(), tenant=Pool("tenant:acme", per_month=RESERVED)) as rt:
        assert (await rt.run(spender(), "go")).status == "done"
        refused = await rt.run(spender(), "go")
        assert refused.error["facts"]["scope"] == "tenant:acme:month"
        assert amounts((await rt.budgets())[0]) == ("tenant:acme:month", RESERVED, 0, COST, RESERVED - COST)
