"""Programs: what a spec means to the engine."""

from __future__ import annotations

from pathlib import Path

import perdure
from perdure.testing import Scripted


async def test_an_agent_with_a_budget_runs_and_its_budget_is_kept_with_the_run(tmp_path: Path) -> None:
    spec = {
        "name": "careful",
        "model": {"provider": "scripted", "name": "m", "price": {"input": 1, "output": 1}},
        "budget": {"per_run": "$1", "per_day": "$2"},
    }
    async with perdure.open(tmp_path, models={"scripted/m": Scripted(["hello"])}) as rt:
        result = await rt.run(spec, "hi")
        row = await rt.store.load_run(result.run_id)
    assert result.status == "done"
    assert row is not None and row.budget == 1_000_000


async def test_a_project_with_a_budget_for_the_day_counts_what_its_agents_spend(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text('[budget]\nper_day = "$1"\n')
    spec = {"name": "careful", "model": {"provider": "scripted", "name": "m", "price": {"input": 10, "output": 10}}}
    async with perdure.open(tmp_path, models={"scripted/m": Scripted(["hello"])}) as rt:
        result = await rt.run(spec, "hi")
        (scope,) = await rt.store.scopes(["project:day"])
    assert result.cost_microusd > 0
    assert (scope.limit, scope.reserved, scope.spent) == (1_000_000, 0, result.cost_microusd)
