"""Estimate: what a flow could cost, without asking anyone or writing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.agents.amounts import whole
from perdure.agents.spec import AgentSpec
from perdure.base.errors import AuthFailed
from perdure.base.usage import Usage
from perdure.flows.bounds import Bounds, bounds_of
from perdure.flows.spec import FlowSpec

from .planning import plan

if TYPE_CHECKING:
    from .runtime import Runtime


class FlowEstimate(msgspec.Struct, frozen=True):
    """Bounds of one run in micro-USD: `least` where nothing fails and every answer is short, `most` where everything is
    tried as often as it may be; the flow's own budget where that is less, None where nothing bounds it. `agents` are
    the bounds of one run of each agent, by name; those of flows within the flow are called `flow/agent`.

    `problems` would make the run fail."""

    least_microusd: int
    most_microusd: int | None
    runs: int | None
    agents: dict[str, Bounds]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


async def estimate_flow(runtime: Runtime, spec: FlowSpec) -> FlowEstimate:
    """The bounds of one run of the flow, with those of the flows within it."""
    agents: dict[str, Bounds] = {}
    problems: list[str] = []
    for name, agent in spec.agents.items():
        agents[name] = await _agent(runtime, name, agent, problems)
    inner = {name: await estimate_flow(runtime, flow) for name, flow in spec.flows.items()}
    flows = {name: Bounds(one.least_microusd, one.most_microusd, one.runs) for name, one in inner.items()}
    found = bounds_of(spec.plan, agents, flows)
    limits = [limit for limit in (whole(spec.budget.per_run), found.most) if limit is not None]
    for name, one in inner.items():
        agents |= {f"{name}/{agent}": bounds for agent, bounds in one.agents.items()}
        problems += one.problems
    return FlowEstimate(found.least, min(limits, default=None), found.runs, agents, tuple(dict.fromkeys(problems)))


async def _agent(runtime: Runtime, name: str, spec: AgentSpec, problems: list[str]) -> Bounds:
    if spec.handler is not None or spec.team is not None:
        return Bounds(0, whole(spec.budget.per_run), 1)
    try:
        planned = await plan(runtime, spec, "?")
    except AuthFailed as error:
        problems.append(f"{name}: {error.message}")
        return Bounds(0, None, 1)
    problems += [f"{name}: {problem}" for problem in planned.problems]
    setup = runtime.library.setup(spec, rehearsal=True)
    least = setup.asker.prices.at_most(setup.model_spec, Usage(planned.input_tokens, 1), runtime.clock.now())
    return Bounds(0 if least is None else least.microusd, planned.most_microusd, 1)
