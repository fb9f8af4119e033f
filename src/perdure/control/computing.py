"""/compute put together: whose jobs these are, who can do them, and what money they draw on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from perdure.compute.jobs.allowance import Allowance
from perdure.compute.jobs.jobs import Jobs
from perdure.compute.jobs.port import Provider
from perdure.compute.jobs.providers import Providers
from perdure.compute.service import compute_node
from perdure.compute.spec import parse_model
from perdure.kernel.budgets import Scope, agent_scopes, period, pool_scopes
from perdure.kernel.lineage import scopes_of
from perdure.kernel.store.ops import ScopeLimit
from perdure.namespace.node import Node

from .finding import find_agent

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
        notify=partial(_notify, runtime),
    )


def compute_of(runtime: Runtime) -> Callable[[str], Node]:
    """What makes the `compute` of an agent's directory."""
    return lambda agent_id: compute_node(agent_id, runtime.jobs)


async def allowance(runtime: Runtime, agent_id: str) -> Allowance:
    """What an agent draws on just now: the budgets of the run it is in and of all above it, or between two runs its own
    and the project's. Raises AgentNotFound."""
    store, engine = runtime.store, runtime.engine
    agent = await find_agent(store, agent_id)
    run = await store.load_run(agent.active_run) if agent.active_run else None
    program = await runtime.library.program(agent.spec if run is None else run.spec)
    found: Iterable[Scope]
    if run is not None:
        found = await scopes_of(store, runtime.library, run, program, engine.settings.pools)
    else:
        own = agent_scopes(agent_id, per_tick=program.per_tick, per_day=program.per_day)
        found = (*own, *pool_scopes(engine.settings.pools))
    now, tick = runtime.clock.now(), engine.tick(agent_id)
    scopes = tuple(ScopeLimit(one.id, one.limit, period(one.every, now, tick)) for one in found)
    return Allowance(scopes, tick, program.spending)


def _models(runtime: Runtime) -> Iterator[str]:
    """Models that the project speaks of, by full name."""
    yield from runtime.project.prices
    if runtime.project.defaults.model is not None:
        yield parse_model(runtime.project.defaults.model).full_name


def _notify(runtime: Runtime) -> None:
    """Wake whoever watches the journal through the namespace."""
    if "directory" in runtime.__dict__:  # else nobody does
        runtime.directory.desk.news.notify()
