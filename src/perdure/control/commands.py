"""Commands to runs: resume, cancel, pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.base.envelope import Envelope
from perdure.base.errors import WrongState
from perdure.kernel.commands import RESUMABLE
from perdure.kernel.store.rows import ENDED, RunRow

from .budgets import look_again
from .finding import find_run
from .results import RunResult, result_of

if TYPE_CHECKING:
    from .runtime import Runtime


async def resume(runtime: Runtime, run_id: str, *, who: str = "operator", wait: bool = True) -> RunResult:
    """Go on with a run that was interrupted, yielded, paused or failed; one that waits is seen to, and where it
    waits for a budget to have room, it tries again. Without `wait` the command is on disk when this returns."""
    run = await find_run(runtime.store, run_id)
    if run.status in ("done", "cancelled"):
        raise WrongState(f"run {run.id} is {run.status}", hint="`perdure fork` begins a new run from it.")
    await runtime.store.reap()
    if run.status in RESUMABLE:
        await _tell(runtime, "resume", run, who)
        if wait:
            return result_of(await runtime.engine.rest(run, unlike=run), runtime.clock.now())
        return await runtime.look(run.id)
    told = await look_again(runtime, run, who=who)
    runtime.engine.wake(run.agent_id)
    if run.status == "waiting":
        runtime.listen()  # it may wait for an event that is there already
    return await runtime.wait(run, beyond=told) if wait else await runtime.look(run.id)


async def cancel(runtime: Runtime, run_id: str, *, who: str) -> RunResult:
    """End a run and its children; tools under way are cancelled."""
    run = await find_run(runtime.store, run_id)
    if run.status in ENDED:
        raise WrongState(f"run {run.id} is {run.status} already")
    await runtime.store.reap()
    await _tell(runtime, "cancel", run, who)
    return result_of(await runtime.engine.rest(run, unlike=run), runtime.clock.now())


async def pause(runtime: Runtime, run_id: str, *, who: str) -> RunResult:
    """Let nothing new begin in a run until it is resumed."""
    run = await find_run(runtime.store, run_id)
    if run.status not in ("running", "waiting", "queued"):
        raise WrongState(f"run {run.id} is {run.status}")
    await runtime.store.reap()
    await _tell(runtime, "pause", run, who)
    return await runtime.wait(run)


async def _tell(runtime: Runtime, kind: str, run: RunRow, who: str) -> None:
    envelope = Envelope(runtime.ids.new("env"), run.agent_id, kind, sender=who, created_at=runtime.clock.now())
    await runtime.engine.tell(envelope, run)
