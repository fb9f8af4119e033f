"""Deleting runs and agents, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.base.errors import VersionConflict, WrongState
from perdure.kernel.store.ops import Claimable, DeleteAgent, DeleteRun, RunIs
from perdure.kernel.store.rows import ENDED, RunFilter, RunRow

from .finding import each_run, find_agent, find_run

if TYPE_CHECKING:
    from .runtime import Runtime

_HINT = "`perdure cancel RUN` ends it."


class Deleted(msgspec.Struct, frozen=True):
    runs: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


async def delete_run(runtime: Runtime, run_id: str) -> Deleted:
    """Forget a run that has ended: its contents go, and links of the hash chain stay so that the rest still verifies.
    The only run of an agent takes the agent with it. Raises WrongState for one that has not ended."""
    run = await find_run(runtime.store, run_id)
    if run.status not in ENDED:
        raise WrongState(f"run {run.id} is {run.status}", hint=_HINT, run_id=run.id)
    if await _is_only(runtime, run):
        return await delete_agent(runtime, run.agent_id)
    await runtime.store.commit([DeleteRun(run.id)], (RunIs(run.id, tuple(ENDED)),))
    return Deleted((run.id,))


async def delete_agent(runtime: Runtime, agent_id: str) -> Deleted:
    """Forget an agent with everything of it: runs, journal, state, mail. Raises WrongState where a run of it has not
    ended, and Held where another process is at work for it."""
    store = runtime.store
    await find_agent(store, agent_id)
    runs = [run async for run in each_run(store, RunFilter(agent_id))]
    open_runs = [run.id for run in runs if run.status not in ENDED]
    if open_runs:
        raise WrongState(f"run {open_runs[0]} of {agent_id} has not ended", hint=_HINT, runs=open_runs)
    await store.reap()
    engine = runtime.engine
    stale_before = runtime.clock.now() - engine.settings.lease_ms
    guards = [RunIs(run.id, tuple(ENDED)) for run in runs]
    try:
        await store.commit([DeleteAgent(agent_id)], (Claimable(agent_id, engine.worker, stale_before), *guards))
    except VersionConflict as error:
        raise WrongState(f"{agent_id} began to work meanwhile", hint=_HINT, agent_id=agent_id) from error
    return Deleted(tuple(run.id for run in runs), (agent_id,))


async def _is_only(runtime: Runtime, run: RunRow) -> bool:
    """Whether the run's agent has neither another run nor mail that will begin one."""
    page = await runtime.store.runs(RunFilter(run.agent_id), limit=2)
    return len(page.items) == 1 and not await runtime.store.mail(run.agent_id, 1)
