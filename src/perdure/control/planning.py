"""Plan: what a run would do and cost, without asking anyone or writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.agents.amounts import whole
from perdure.agents.conversation import past, said_with
from perdure.agents.setup import Setup
from perdure.agents.spec import AgentSpec
from perdure.agents.targets import Target
from perdure.base.errors import AuthFailed
from perdure.base.messages import Message, ModelRequest
from perdure.base.usage import Usage
from perdure.compute.asker import ASSUMED_ANSWER, MARGIN
from perdure.compute.estimate import estimate
from perdure.kernel import records as r
from perdure.kernel.store.rows import RecordFilter

from .starting import payload_of

if TYPE_CHECKING:
    from .runtime import Runtime


class PlannedTool(msgspec.Struct, frozen=True):
    """`effect` is its class, "" for one that takes part in the run; `approval`: a person is asked before each call."""

    name: str
    effect: str
    approval: bool
    description: str


class Plan(msgspec.Struct, frozen=True):
    """Tokens and micro-USD are estimates for the first call, and bounds for the whole run: every step with a full
    window and the longest answer, or the run's budget where that is less. None where a price is not known.

    `problems` would make the run fail; `remembers` counts messages of an agent's past that go along; `stores` says in
    words what a run would write.
    """

    agent: str
    agent_id: str
    model: str
    fallbacks: tuple[str, ...]
    tools: tuple[PlannedTool, ...]
    steps: int
    timeout_ms: int | None
    token_limit: int | None
    input_tokens: int
    max_output_tokens: int
    first_call_microusd: int | None
    most_microusd: int | None
    prices: str
    budget_per_run_microusd: int | None
    budget_per_day_microusd: int | None
    remembers: int
    stores: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


async def plan(
    runtime: Runtime, target: Target, input: Any, *, agent: str | None = None, overrides: Sequence[str] = ()
) -> Plan:
    """What `run` would do with the same arguments. Raises what is wrong with the file, its tools or the input."""
    spec = runtime.spec(target, overrides)
    payload = payload_of(input)
    if spec.handler is not None or spec.team is not None:
        runtime.library.make(spec)
        return _open_ended(runtime, spec, agent)
    setup = runtime.library.setup(spec, rehearsal=True)
    earlier = await _earlier(runtime, agent, setup.window) if agent is not None else ()
    request = setup.ask((*earlier, *said_with(payload)))
    return _planned(runtime, setup, request, agent, len(earlier), _key_problem(runtime, spec))


def _planned(
    runtime: Runtime, setup: Setup, request: ModelRequest, agent: str | None, remembers: int, problem: str
) -> Plan:
    spec, prices, now = setup.spec, setup.asker.prices, runtime.clock.now()
    answer = request.max_tokens or ASSUMED_ANSWER
    tokens = estimate(request, setup.asker.ratio)
    first = prices.at_most(setup.model_spec, Usage(tokens, answer), now)
    bare = estimate(msgspec.structs.replace(request, messages=()), setup.asker.ratio)
    fullest = max(tokens, round((setup.window + bare) * MARGIN))
    dearest = prices.at_most(setup.model_spec, Usage(fullest, answer), now)
    bounds = [whole(spec.budget.per_run), whole(spec.budget.per_day), whole(runtime.project.budget.per_day)]
    bounding = (*bounds, spec.budget.per_tick, spec.budget.approval_threshold, runtime.project.budget.per_month)
    limited = any(bound is not None for bound in bounding)
    if dearest is not None:
        bounds.append(dearest.microusd * spec.limits.steps)
    problems = [problem] if problem else []
    if first is None and limited:
        problems.append(f"{setup.model_spec.full_name} has no known price, and the agent has a budget")
    return Plan(
        spec.name,
        agent or "",
        setup.model_spec.full_name,
        tuple(link.full_name for link in setup.model_spec.chain[1:]),
        tuple(_tool(setup, name) for name in setup.tools),
        spec.limits.steps,
        whole(spec.limits.timeout),
        spec.limits.tokens,
        tokens,
        answer,
        None if first is None else first.microusd,
        min((bound for bound in bounds if bound is not None), default=None),
        "" if first is None else first.version,
        whole(spec.budget.per_run),
        whole(spec.budget.per_day),
        remembers,
        _stores(runtime, agent),
        tuple(problems),
    )


def _open_ended(runtime: Runtime, spec: AgentSpec, agent: str | None) -> Plan:
    """A class or a team decides for itself what it does: nothing can be said of it beforehand but its bounds."""
    budget, limits = spec.budget, spec.limits
    return Plan(
        spec.name,
        agent or "",
        "" if spec.team is None else f"a team of {len(spec.team.members)}, by {spec.team.mode}",
        (),
        (),
        limits.steps,
        whole(limits.timeout),
        limits.tokens,
        0,
        0,
        None,
        whole(budget.per_run),
        "",
        whole(budget.per_run),
        whole(budget.per_day),
        0,
        _stores(runtime, agent),
        (),
    )


def _tool(setup: Setup, name: str) -> PlannedTool:
    tool = setup.tools[name]
    return PlannedTool(name, tool.effect or "", setup.consent(name) is not None, tool.definition.description)


def _key_problem(runtime: Runtime, spec: AgentSpec) -> str:
    try:
        runtime.library.setup(spec)
    except AuthFailed as error:
        return error.message
    return ""


async def _earlier(runtime: Runtime, agent: str, window: int) -> Sequence[Message]:
    async def history(*, before: int | None, limit: int) -> list[r.Record]:
        return await runtime.store.records(RecordFilter(agent), before=before, limit=limit, order="newest")

    return await past(history, window)


def _stores(runtime: Runtime, agent: str | None) -> tuple[str, ...]:
    who = f"to the agent {agent}" if agent else "to a new agent of its own"
    return (
        f"the input, the spec and every answer of models and tools, {who}",
        f"in {runtime.project.database}",
    )
