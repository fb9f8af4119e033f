"""What a flow could cost, without asking anyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perdure.control.estimating import estimate_flow
from perdure.flows.language.loader import load_flow

PLACE = "base_url: 'http://127.0.0.1:9'"
PRICED = f"{{provider: compatible, name: m, {PLACE}, max_tokens: 100, price: {{input: 1000, output: 1000}}}}"
FLOW = f"""
agents:
  a: {{model: {PRICED}, limits: {{steps: 2}}, context: {{tokens: 1000}}}}
tasks:
  - {{agent: a, input: Hello, retry: 2}}
"""


async def test_the_bounds_are_those_of_its_agents(opened: Any, project: Path) -> None:
    (project / "f.flow.yaml").write_text(FLOW)
    spec = load_flow(project / "f.flow.yaml", environment={})
    async with opened() as rt:
        found = await estimate_flow(rt, spec)
        planned = await rt.plan(spec.agents["a"], "?")
        assert (await rt.runs()).items == []
    assert planned.first_call_microusd is not None and planned.most_microusd is not None
    assert 0 < found.least_microusd < planned.first_call_microusd
    assert found.most_microusd == 2 * planned.most_microusd
    assert found.runs == 2
    assert found.ok


async def test_a_budget_bounds_a_flow(opened: Any, project: Path) -> None:
    (project / "f.flow.yaml").write_text(FLOW + "budget: {per_run: $0.01}\n")
    async with opened() as rt:
        found = await estimate_flow(rt, load_flow(project / "f.flow.yaml", environment={}))
    assert found.most_microusd == 10_000


async def test_flows_within_a_flow_are_estimated(opened: Any, project: Path) -> None:
    (project / "f.flow.yaml").write_text(FLOW)
    (project / "g.flow.yaml").write_text("tasks: [{flow: f.flow.yaml}, {flow: f.flow.yaml}]\n")
    async with opened() as rt:
        inner = await estimate_flow(rt, load_flow(project / "f.flow.yaml", environment={}))
        outer = await estimate_flow(rt, load_flow(project / "g.flow.yaml", environment={}))
    assert inner.most_microusd is not None
    assert outer.most_microusd == 2 * inner.most_microusd
    assert list(outer.agents) == ["f.flow.yaml/a"]
