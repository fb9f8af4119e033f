"""/compute put together: whose jobs these are, who can do them, and what money they draw on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from perdure.base.errors import AgentNotFound
from perdure.compute.jobs.allowance import Allowance
from perdure.compute.jobs.jobs import Jobs
from perdure.compute.jobs.port import Provider
from perdure.compute.jobs.providers import Providers
from perdure.compute.service import compute_node
from perdure.compute.spec import parse_model
from perdure.kernel.budgets import scopes_of
from perdure.kernel.store.rows import RunRow
from perdure.namespace.node import Node

if TYPE_CHECKING:
    from .runtime import Runtime


def jobs_of(runtime: Runtime, plugged: Sequence[Provider] = ()) -> Jobs:
    """The jobs of all agents of a runtime; `plugged` providers come on top of those of models."""
    return Jobs(
        runtime.store,
        clock=runtime.clock,
        ids=runtime.ids,
        lease=runtime.engine.lease,
        providers=Providers(runtime.library.gateway, plugged=plugged, models=_models(runtime)),
        allowance=partial(allowance, runtime),
    )


def compute_of(runtime: Runtime) -> Callable[[str], Node]:
    """What makes the `compute` of an agent's directory."""
    return lambda agent_id: compute_node(agent_id, runtime.jobs)


async def allowance(runtime: Runtime, agent_id: str) -> Allowance:
    """What an agent draws on just now: the budgets of the run it is in and of that one's parents, of itself, and of the
    project. Raises AgentNotFound."""
    agent = await runtime.store.load_agent(agent_id)
    if agent is None:
        raise AgentNotFound(f"no agent {agent_id!r}", agent_id=agent_id)
    program = await runtime.library.program(agent.spec)
    lineage: list[RunRow] = []
    run_id = agent.active_run
    while run_id and (run := await runtime.store.load_run(run_id)) is not None:
        lineage.append(run)
        run_id = run.parent
    scopes = scopes_of(
        [(run.id, run.budget) for run in lineage],
        agent_id=agent_id,
        agent_per_day=program.per_day,
        project_per_day=runtime.engine.settings.project_per_day,
        now=runtime.clock.now(),
    )
    return Allowance(scopes, lineage[0].started_at if lineage else agent.updated_at)


def _models(runtime: Runtime) -> Iterator[str]:
    """Models that the project speaks of, by full name."""
    yield from runtime.project.prices
    if runtime.project.defaults.model is not None:
        yield parse_model(runtime.project.defaults.model).full_name
