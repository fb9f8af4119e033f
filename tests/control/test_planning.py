"""Plan: what a run would do and cost, without asking anyone or writing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import ConfigError, InputError, InvalidFile
from perdure.testing import Scripted, by_turn


async def test_a_plan_asks_nobody_and_writes_nothing(opened: Any) -> None:
    model = Scripted(["never"], name="scripted/m")
    async with opened(model) as rt:
        plan = await rt.plan("clerk.yaml", "Look around")
        assert (await rt.runs()).items == []
        assert (await rt.store.agents()).items == []
    assert model.requests == []
    assert plan.ok
    assert (plan.agent, plan.model, plan.steps) == ("clerk", "scripted/m", 20)


async def test_tools_are_listed_with_what_they_may_do(opened: Any) -> None:
    async with opened() as rt:
        plan = await rt.plan("clerk.yaml", "Pay", overrides=["approve=[pay]"])
    assert {tool.name: (tool.effect, tool.approval) for tool in plan.tools} == {
        "pay": ("once", True),
        "look": ("read", False),
        "calculator": ("read", False),
        "ask": ("", False),
    }


async def test_the_estimate_is_near_what_the_call_then_uses(opened: Any) -> None:
    async with opened(["Fine."]) as rt:
        plan = await rt.plan("clerk.yaml", "Look around", overrides=["model.max_tokens=100"])
        result = await rt.run("clerk.yaml", "Look around", overrides=["model.max_tokens=100"])
    assert plan.input_tokens == result.usage.input_tokens  # the scripted model estimates too
    assert plan.max_output_tokens == 100
    assert plan.first_call_microusd == 1000 * (plan.input_tokens + 100)
    assert plan.prices == "spec"


async def test_the_whole_run_is_bounded_by_its_steps_or_by_its_budget(opened: Any) -> None:
    async with opened() as rt:
        free = await rt.plan("clerk.yaml", "Look", overrides=["limits.steps=2", "context.tokens=1000"])
        bound = await rt.plan("clerk.yaml", "Look", overrides=["budget.per_run=$0.10", "limits.timeout=2m"])
    assert free.most_microusd is not None and free.first_call_microusd is not None
    assert free.most_microusd > 2 * free.first_call_microusd
    assert (bound.most_microusd, bound.budget_per_run_microusd, bound.timeout_ms) == (100_000, 100_000, 120_000)


async def test_an_agent_that_has_a_past_takes_it_along(opened: Any) -> None:
    async with opened(["Fine."]) as rt:
        fresh = await rt.plan("clerk.yaml", "Again")
        await rt.run("clerk.yaml", "Look", agent="bob")
        later = await rt.plan("clerk.yaml", "Again", agent="bob")
    assert (fresh.remembers, later.remembers) == (0, 2)
    assert later.input_tokens > fresh.input_tokens
    assert "bob" in later.stores[0]


async def test_a_missing_key_and_an_unknown_price_are_problems(project: Path) -> None:
    (project / "keyed.yaml").write_text("name: keyed\nmodel: openai/gpt-5-mini\n")
    odd = "name: odd\nmodel: {provider: compatible, name: m, base_url: 'http://127.0.0.1:9'}\nbudget: {per_run: $1}\n"
    (project / "odd.yaml").write_text(odd)
    async with perdure.open(project, environment={}) as rt:
        keyed = await rt.plan("keyed.yaml", "hi")
        unpriced = await rt.plan("odd.yaml", "hi")
    assert not keyed.ok and "OPENAI_API_KEY" in keyed.problems[0]
    assert keyed.first_call_microusd is not None and keyed.first_call_microusd > 0
    assert unpriced.first_call_microusd is None
    assert "no known price" in unpriced.problems[0]


class Still(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> str:
        return "done"


async def test_of_a_python_agent_only_its_bounds_are_known(opened: Any) -> None:
    async with opened() as rt:
        plan = await rt.plan(Still, "go")
    assert (plan.agent, plan.model, plan.tools, plan.first_call_microusd) == ("still", "", (), None)


async def test_fallbacks_are_named(opened: Any) -> None:
    async with opened(Scripted(by_turn(["x"]))) as rt:
        plan = await rt.plan("clerk.yaml", "go", overrides=["model.fallback=[demo/planner]"])
    assert plan.fallbacks == ("demo/planner",)


async def test_what_could_not_be_run_cannot_be_planned(opened: Any, project: Path) -> None:
    async with opened() as rt:
        with pytest.raises(InputError):
            await rt.plan("clerk.yaml", "  ")
        with pytest.raises(InvalidFile):
            await rt.plan("clerk.yaml", "x", overrides=["limit.steps=2"])
        with pytest.raises(ConfigError):
            await rt.plan("clerk.yaml", "x", overrides=["tools=[./gone.py:tool]"])
