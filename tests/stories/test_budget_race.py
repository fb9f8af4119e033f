"""Fifty buyers at once and a pool for seven purchases: whoever is killed, and whenever, nothing is overspent.

A lost call counts as spent, as it may have been charged: what was bought and what was lost are seven together, and the
provider's own bill is never longer. Where `unknown_usage` is `zero` it counts for nothing, and seven are bought.
`PERDURE_BUDGET_KILLS` says how many random instants (12), `PERDURE_BUDGET_SEED` which.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter, RunFilter

KILLS = int(os.environ.get("PERDURE_BUDGET_KILLS", "12"))
SEED = int(os.environ.get("PERDURE_BUDGET_SEED", "7"))
PRICE, ALLOWED = 10_000, 7
FILES = {
    "perdure.toml": "[budget]\nper_month = 0.075\n",
    "buyer.yaml": """
name: buyer
model: {provider: scripted, name: buyer, max_tokens: 100, price: {input: 0, output: 100}}
budget: {per_run: $0.03, unknown_usage: RULE}
""",
    "boss.yaml": """
name: boss
class: ./tools.py:Boss
budget: {per_run: $1}
""",
    "tools.py": """
from perdure import Agent


class Boss(Agent):
    async def on_message(self, ctx, message):
        bought = await ctx.gather(*(ctx.run("buyer.yaml", f"purchase {n}") for n in range(BUYERS)))
        return [one.status for one in bought]
""",
}


@pytest.fixture
def market(tmp_path: Path) -> Any:
    """A project where a boss sends so many buyers, and lost calls count by this rule."""

    def make(buyers: int, rule: str = "reserved") -> Path:
        project = tmp_path / "market"
        project.mkdir()
        for name, text in FILES.items():
            (project / name).write_text(text.replace("BUYERS", str(buyers)).replace("RULE", rule))
        return project

    return make


async def nothing_is_overspent(project: Path, buyers: int, rule: str = "reserved") -> int:
    """The books of the store, the journal and the provider agree. Returns how many purchases succeeded."""
    async with perdure.open(project) as rt:
        (pool,) = [line for line in await rt.budgets("project:month")]
        runs = [run for run in (await rt.store.runs(RunFilter(), limit=1_000)).items if run.parent]
        spent: dict[str, int] = dict.fromkeys((run.id for run in runs), 0)
        lost = 0
        for record in await rt.store.records(RecordFilter(types=("budget.settled", "effect.done")), limit=10_000):
            match decode(record):
                case r.BudgetSettled(spent=amount, over=over):
                    assert over == 0
                    spent[record.run_id] += amount
                    lost += 1
                case r.EffectDone(kind="model"):
                    lost -= 1
                case _:
                    pass
        assert spent == {run.id: run.cost for run in runs}
        assert sum(spent.values()) == pool.spent_microusd == ALLOWED * PRICE
        assert pool.reserved_microusd == 0
        counted = lost if rule == "reserved" else 0
        bill = project / "bill"
        billed = len(bill.read_text().splitlines()) if bill.exists() else 0
        done = sum(run.status == "done" for run in runs)
        assert (len(runs), done) == (buyers, ALLOWED - counted)
        assert done <= billed <= done + lost
        assert {run.status for run in runs} <= {"done", "failed"}
        codes = {run.error["code"] for run in [await rt.look(run.id) for run in runs] if run.error}
        assert codes == {"budget.exceeded"}
        left = [line for line in await rt.budgets() if line.reserved_microusd]
        assert left == [], "no reservation is left hanging"
        for agent in (await rt.store.agents(limit=1_000)).items:
            assert await rt.store.verify(agent.id) == []
        return done


def test_fifty_buyers_of_one_process(market: Any, spawn_budget: Any) -> None:
    project = market(50)
    child = spawn_budget(project, "boss")
    assert child.end() == 0
    assert child.told[-1]["over"].count("done") == ALLOWED
    assert asyncio.run(nothing_is_overspent(project, 50)) == ALLOWED


def test_two_processes_share_the_pool(market: Any, spawn_budget: Any) -> None:
    project = market(25)
    children = [spawn_budget(project, boss) for boss in ("boss-1", "boss-2")]
    assert [child.end() for child in children] == [0, 0]
    assert sum(child.told[-1]["over"].count("done") for child in children) == ALLOWED
    assert asyncio.run(nothing_is_overspent(project, 50)) == ALLOWED


@pytest.mark.parametrize("rule", ["reserved", "zero"])
@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("point", ["effect.before_intent", "effect.intended", "effect.acted", "effect.done"])
def test_killed_around_a_call(market: Any, spawn_budget: Any, point: str, nth: int, rule: str) -> None:
    project = market(10, rule)
    killed = spawn_budget(project, "boss", "--point", point, "--nth", str(nth))
    assert killed.end() == -signal.SIGKILL
    assert spawn_budget(project, "boss").end() == 0
    asyncio.run(nothing_is_overspent(project, 10, rule))


@pytest.mark.parametrize("rule", ["reserved", "zero"])
def test_two_processes_killed_at_random_instants(market: Any, spawn_budget: Any, rule: str) -> None:
    print(f"PERDURE_BUDGET_SEED={SEED}: {KILLS} kills")
    chance = random.Random(SEED)
    project = market(25, rule)
    for number in range(KILLS):
        child = spawn_budget(project, f"boss-{number % 2 + 1}")
        child.hear("opening")
        time.sleep(chance.random() * 0.25)
        child.signal(signal.SIGKILL)
    children = [spawn_budget(project, boss) for boss in ("boss-1", "boss-2")]
    assert [child.end() for child in children] == [0, 0]
    asyncio.run(nothing_is_overspent(project, 50, rule))
