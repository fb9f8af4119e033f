"""Commands that come as mail: cancel, pause and resume a run."""

from __future__ import annotations

import msgspec

from perdure.base.codec import pack
from perdure.base.errors import VersionConflict

from . import records as r
from .closing import cancelled_by, close, dropped
from .execution import Execution
from .holding import Ended, Holding
from .inbox import LIFE, Item
from .life import changed
from .living import cuts_short, live
from .outgoing import reply
from .store.ops import Acknowledge, Op, PutAgent, PutRun, Retire, RunIs
from .store.rows import ENDED, RunRow

RESUMABLE = frozenset(("failed", "yielded", "paused"))


async def obey(holding: Holding, item: Item) -> bool:
    """Carry out a command. True where the handler has something to do because of it."""
    kind = item.envelope.kind
    if kind == LIFE:
        await live(holding, item)
        return False
    active = holding.execution is not None and holding.execution.run.id == item.run_id
    if kind == "resume":
        return await _resume(holding, item, active)
    if active:
        holding.command = item
        await close(holding, "ended" if kind == "cancel" else "parked")
    elif kind == "cancel":
        await _cancel_queued(holding, item)
    else:
        await dropped(holding, item, "unknown_run")
    return False


async def interrupt(holding: Holding, item: Item) -> None:
    """Carry a command out without waiting for the end of the turn: on the run at work, or on one in the queue."""
    execution = holding.execution
    if execution is None or holding.command is not None or item.envelope.id == holding.obeyed:
        return  # the mail was read before what it says was done
    if item.envelope.kind == LIFE:
        if cuts_short(holding, item):
            execution.park()
        return
    if item.run_id != execution.run.id:
        if item.envelope.kind == "cancel":
            await _cancel_queued(holding, item)
        return
    if item.envelope.kind == "cancel":
        holding.command = item
        await execution.abandon()
    elif item.envelope.kind == "pause":
        holding.command = item
        execution.park()


async def _resume(holding: Holding, item: Item, active: bool) -> bool:
    execution = await _to_resume(holding, item, active)
    if execution is None:
        await dropped(holding, item, "not_resumable")
        return False
    run, failed = execution.run, execution.journal.failed_key
    resumed = r.RunResumed(
        reason="unpaused" if run.status == "paused" else "by hand",
        worker=holding.house.worker,
        forget=(failed,) if failed else (),
        changed=execution.journal.changed(execution.program.tools),
    )
    now = holding.house.clock.now()
    execution.run = msgspec.structs.replace(run, status="running", waiting_for="", finished_at=0, started_at=now)
    holding.agent, stirred = changed(holding.agent, "active", why="resume", now=now)
    holding.agent = msgspec.structs.replace(holding.agent, active_run=run.id, updated_at=now)
    ops: list[Op] = [Acknowledge(holding.agent.id, (item.envelope.id,)), PutRun(execution.run), PutAgent(holding.agent)]
    await holding.commit([("", resumed), *stirred], ops)
    execution.journal.note("", resumed)
    return True


async def _to_resume(holding: Holding, item: Item, active: bool) -> Execution | None:
    """The run to go on with, brought into memory; None where it is not in a state to, or another one is active."""
    if active or holding.execution is not None:
        execution = holding.execution
        return execution if active and execution is not None and execution.run.status == "paused" else None
    run = await holding.house.store.load_run(item.run_id)
    if run is None or run.status not in RESUMABLE:
        return None
    return await holding.restore(run)


async def _cancel_queued(holding: Holding, item: Item) -> None:
    run = await holding.house.store.load_run(item.run_id)
    if run is None or run.status in ENDED:
        await dropped(holding, item, "unknown_run")
        return
    error = cancelled_by(item.envelope)
    now = holding.house.clock.now()
    row: RunRow = msgspec.structs.replace(run, status="cancelled", finished_at=now, waiting_for="")
    finished = r.RunFinished(status="cancelled", body=msgspec.Raw(pack(error)))
    taken = Acknowledge(holding.agent.id, (item.envelope.id, run.envelope_id))
    ops: list[Op] = [taken, PutRun(row), *reply(row, None, error, now=now)]
    if run.budget is not None:
        ops.append(Retire((run.id,)))
    try:
        await holding.commit([("", finished)], ops, run_id=run.id, guards=[RunIs(run.id, (run.status,))])
    except VersionConflict:
        return  # its turn came a moment ago: the command stays in the mail, and finds it there
    holding.house.settled(Ended(row, error=error))
