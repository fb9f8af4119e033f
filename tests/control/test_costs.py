"""What was spent: the journal's sums are those of the ledger, to the micro-dollar."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.clock import ManualClock
from perdure.base.errors import InputError, RateLimited
from perdure.base.messages import ModelRequest, ModelResponse, Text
from perdure.base.usage import Usage
from perdure.testing import Scripted, by_turn, call

DAY = 86_400_000
PROJECT = '[budget]\nper_day = 100\n[prices."scripted/a"]\ninput = 3\noutput = 15\n'
PARENT = """
from perdure import Agent

class Asking(Agent):
    async def on_message(self, ctx, message):
        return (await ctx.run("clerk.yaml", "Look")).output
"""


async def spent(runtime: perdure.Runtime) -> int:
    (line,) = await runtime.budgets("project:day")
    assert line.reserved_microusd == 0
    return line.spent_microusd


async def totals(runtime: perdure.Runtime) -> dict[str, int]:
    """What the four ways of adding up come to."""
    found: dict[str, int] = {}
    for by in ("run", "agent", "model", "day"):
        costs = await runtime.costs(by)  # type: ignore[arg-type]
        assert sum(line.cost_microusd for line in costs.lines) == costs.total.cost_microusd
        assert sum(line.calls for line in costs.lines) == costs.total.calls
        found[by] = costs.total.cost_microusd
    return found


async def test_every_sum_is_that_of_the_ledger(project: Path, opened: Any, killed: Any) -> None:
    """Answers, failures, child runs, a call cut short by a cancel, another by a kill, a job of /compute, and a fork."""
    (project / "perdure.toml").write_text(PROJECT)
    (project / "asking.py").write_text(PARENT)
    (project / "asking.yaml").write_text("name: asking\nclass: ./asking.py:Asking\n")
    killed("[call('look', place='attic'), 'Fine.']", "effect.acted", "cut")
    is_slow = asyncio.Event()

    async def answer(request: ModelRequest) -> Any:
        said = request.messages[-1].text
        if said == "Hang":
            is_slow.set()
            await asyncio.sleep(60)
        return RateLimited("slow down") if said == "Fail" else by_turn([call("look", place="attic"), "Fine."])(request)

    jobs = Scripted(lambda _: ModelResponse((Text("Hi"),), usage=Usage(1_000, 100)), name="scripted/a")
    models = {"scripted/m": Scripted(answer, name="scripted/m"), "scripted/a": jobs}
    async with perdure.open(project, models=models) as runtime:
        (cut,) = (await runtime.runs()).items
        assert (await runtime.resume(cut.run_id)).status == "done"
        done = await runtime.run("clerk.yaml", "Look", agent="bob")
        assert (await runtime.run("clerk.yaml", "Fail", agent="bob")).status == "failed"
        assert (await runtime.run("asking.yaml", "Look")).output == "Fine."
        hanging = await runtime.start("clerk.yaml", "Hang", agent="ann")
        await is_slow.wait()
        await runtime.cancel(hanging.id)
        request = {"model": "scripted/a", "kind": "chat", "input": {"messages": [{"role": "user", "content": "Hi"}]}}
        job = json.loads(await runtime.namespace.call("/agents/bob/compute/new", json.dumps(request).encode()))
        while b"complete" not in await runtime.namespace.read(f"/agents/bob{job['status_path']}"):
            await asyncio.sleep(0.01)
        assert set((await totals(runtime)).values()) == {await spent(runtime)}

        fork = await runtime.wait(await runtime.fork(done.run_id, "step2/model"))
        assert set((await totals(runtime)).values()) == {await spent(runtime)}, "what is shared was paid once"

        by_run = {line.name: line for line in (await runtime.costs("run")).lines}
        assert by_run[done.run_id].cost_microusd == done.cost_microusd
        assert 0 < by_run[fork.run_id].cost_microusd < fork.cost_microusd
        assert by_run[job["job_id"]].cost_microusd == 4_500
        assert by_run[hanging.id].cost_microusd > 0 and by_run[hanging.id].calls == 0
        by_model = {line.name: line for line in (await runtime.costs("model")).lines}
        assert set(by_model) == {"scripted/m", "scripted/a"}
        assert (by_model["scripted/a"].input_tokens, by_model["scripted/a"].output_tokens) == (1_000, 100)
        names = [line.name for line in (await runtime.costs("agent")).lines]
        assert {"bob", "ann", "cut", fork.agent_id} < set(names)
        assert names[0] == max((await runtime.costs("agent")).lines, key=lambda line: line.cost_microusd).name


async def test_days_are_those_of_utc_and_bounds_are_kept(opened: Any) -> None:
    clock = ManualClock(1_750_000_000_000 // DAY * DAY)
    async with opened(["Fine."] * 9, clock=clock) as runtime:
        for hours in (1, 22, 2):  # at 01:00, 23:00, and 01:00 of the next day
            await clock.advance(hours * 3_600_000)
            await runtime.run("clerk.yaml", "Look", agent="bob")
        costs = await runtime.costs("day")
        assert [(line.name, line.calls) for line in costs.lines] == [("2025-06-15", 2), ("2025-06-16", 1)]
        now = clock.now()
        assert (await runtime.costs("day", since_ms=now - 2 * 3_600_000)).total.calls == 2
        assert (await runtime.costs("day", since_ms=now - 2 * 3_600_000, until_ms=now)).total.calls == 1
        assert (await runtime.costs("run", since_ms=now + 1)).lines == ()


async def test_what_an_imported_agent_spent_before_is_not_of_here(opened: Any) -> None:
    async with opened(["Fine.", "Fine."]) as runtime:
        await runtime.run("clerk.yaml", "Look", agent="bob")
        before = (await runtime.costs()).total
        await runtime.import_agent(await runtime.export_agent("bob"), mode="clone", agent="twin")
        assert (await runtime.costs()).total == before
        await runtime.run("clerk.yaml", "Look", agent="twin")
        assert (await runtime.costs()).total.calls == before.calls + 1


async def test_what_is_free_is_counted_and_nothing_is_no_error(opened: Any) -> None:
    async with opened() as runtime:
        assert (await runtime.costs("model")).lines == ()
        with pytest.raises(InputError, match="by 'week'"):
            await runtime.costs("week")
