"""After a turn: commit everything that it did, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from perdure.base.codec import digest_bytes, pack
from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError, StoreError
from perdure.base.topic import ADDRESS

from . import records as r
from .answering import answering
from .execution import End, Execution
from .failures import normal, told
from .holding import Ended, Entry, Holding
from .inbox import Item
from .outgoing import answer, reply
from .post import deliver, let_go, post, rouse
from .program import Yielded
from .sanctions import sanction
from .store.ops import Acknowledge, CancelTimer, Op, PutAgent, PutRun, SetTimer, Settle, Unclaim
from .store.rows import ENDED, RunRow, RunStatus, Timer
from .store.scopes import OVER
from .supervision import Failure, Verdict, judge
from .topics import unpublishable
from .waits import most_pressing

ANY_MAIL = 0
"""Give an agent up only where no mail waits at all: now that its run has ended, any of it can begin the next."""


async def close(holding: Holding, end: End) -> None:
    """Bring the turn to its end on disk: the run ended, waits, was paused, or is put away to be gone on with."""
    execution, command = holding.execution, holding.command
    assert execution is not None
    holding.command = None
    if command is not None:
        holding.obeyed = command.envelope.id
    if command is not None and command.run_id != execution.run.id:
        command = None  # it came for a run that was at its end already
    if command is not None and command.envelope.kind == "cancel":
        await execution.abandon()
        taken = Acknowledge(holding.agent.id, (command.envelope.id,))
        end_of_run = _undoing if execution.program.undoes and execution.journal.cancelling is None else _cancelled
        await end_of_run(holding, execution, command.envelope, cancelled_by(command.envelope), [taken])
    elif end == "ended":
        await _ended(holding, execution)
    elif end == "parked":
        await execution.abandon()
        await _parked(holding, execution, command)
    else:
        await _suspended(holding, execution)


async def _ended(holding: Holding, execution: Execution) -> None:
    try:
        value = execution.result()
        body = msgspec.Raw(pack(value.output if isinstance(value, Yielded) else value))
    except asyncio.CancelledError as error:
        if execution.effects.is_over:
            await _parked(holding, execution, None)
        elif execution.journal.cancelling is not None:
            finished = r.RunFinished(status="cancelled", body=msgspec.Raw(pack(execution.journal.cancelling)))
            await _rest(holding, execution, "cancelled", finished, error=execution.journal.cancelling)
        else:
            await _failed(holding, execution, normal(error))
    except StoreError:
        raise
    except Exception as error:  # the edge: whatever a handler raises becomes a record
        await _failed(holding, execution, normal(error))
    else:
        if isinstance(value, Yielded):
            await _rest(holding, execution, "yielded", r.RunYielded(steps=value.steps, body=body), output=value.output)
        else:
            finished = r.RunFinished(status="done", unasked=execution.journal.unasked(), body=body)
            await _rest(holding, execution, "done", finished, output=value)


async def _failed(holding: Holding, execution: Execution, error: PerdureError) -> None:
    """The handler raised: its state and outgoing mail are dropped, and the failure stays on record."""
    program, attempt = execution.program, execution.journal.attempt
    now = holding.house.clock.now()
    shown, body = told(error)
    failed: Entry = (str(error.facts.get("key", "")), r.TickFailed(attempt=attempt, body=body))
    await execution.abandon()
    failure = Failure(attempt, shown, now)
    if error.retryable and attempt < program.attempts:
        verdict = Verdict("restart", now + program.backoff_ms * 2 ** (attempt - 1))
    else:
        verdict = judge(program.supervision, failure)
    due = verdict.until
    if verdict.measure != "restart" or due is None:
        measures = await sanction(holding, execution.run, verdict, failure)
        holding.agent = measures.agent
        finished = r.RunFinished(status="failed", body=body)
        before = [failed, *measures.entries]
        await _rest(holding, execution, "failed", finished, before=before, error=shown, ops=measures.ops)
        holding.house.hurry()
        if verdict.demote:
            holding.house.demote(holding.agent.id, verdict.demote)
        for agent_id in measures.to:
            holding.house.wake(agent_id)
        return
    wait = r.Wait(f"{r.RETRY}{attempt}", "timer", due)
    run = _counted(execution, "waiting", holding.house.clock.now(), "timer")
    run = msgspec.structs.replace(run, attempt=attempt + 1)
    entries: list[Entry] = [failed, ("", r.RunWaiting(waits=(wait, *execution.waits.wanted)))]
    await holding.commit(entries, [PutRun(run), SetTimer(Timer(holding.agent.id, run.id, wait.key, due))])
    holding.execution = None
    holding.house.settled(Ended(run, waits=(wait,)))


async def give_way(holding: Holding, item: Item) -> None:
    """End the active run, which waits, for a message that came for its agent and is to begin the next one."""
    execution = holding.execution
    assert execution is not None
    await execution.abandon()
    error = {"code": "run.cancelled", "message": "a new message came while it waited"}
    await _cancelled(holding, execution, item.envelope, error)


async def cut_off(holding: Holding, cause: Envelope, ops: Sequence[Op]) -> None:
    """Cancel the active run, as its agent comes to its end."""
    execution = holding.execution
    assert execution is not None
    await execution.abandon()
    await _cancelled(holding, execution, cause, cancelled_by(cause), ops)


async def _cancelled(
    holding: Holding, execution: Execution, cause: Envelope, error: dict[str, Any], ops: Sequence[Op] = ()
) -> None:
    """Cut short: children are told, and effects that may or may not have happened are named."""
    _name_doubtful(execution, error)
    told_children, children = _children_told(holding, cause)
    finished = r.RunFinished(status="cancelled", body=msgspec.Raw(pack(error)))
    await _rest(holding, execution, "cancelled", finished, error=error, ops=[*ops, *told_children])
    for agent_id in children:
        holding.house.wake(agent_id)


async def _undoing(
    holding: Holding, execution: Execution, cause: Envelope, error: dict[str, Any], ops: Sequence[Op] = ()
) -> None:
    """Cut short, and then executed once more, to undo what was done: it goes on from its journal, which says so."""
    _name_doubtful(execution, error)
    told_children, children = _children_told(holding, cause)
    run = _counted(execution, "running", holding.house.clock.now())
    resumed = r.RunResumed(reason=r.CANCELLING, worker=holding.house.worker, body=msgspec.Raw(pack(error)))
    await holding.commit([("", resumed)], [*ops, *told_children, PutRun(run)])
    await holding.restore(run)
    holding.fresh = True
    for agent_id in children:
        holding.house.wake(agent_id)


def _name_doubtful(execution: Execution, error: dict[str, Any]) -> None:
    doubtful = sorted({*execution.journal.in_doubt(), *execution.effects.under_way})
    if doubtful:
        error["facts"] = {"in_doubt": doubtful}


def _children_told(holding: Holding, cause: Envelope) -> tuple[list[Op], list[str]]:
    """What it takes to cancel the child runs that are waited for, and their agents."""
    children = [wait.about for wait in holding.waits.values() if wait.kind == "child"]
    return (
        [_command(holding, "cancel", about["agent"], about["run"], cause) for about in children],
        [about["agent"] for about in children],
    )


async def _rest(
    holding: Holding,
    execution: Execution,
    status: RunStatus,
    event: r.Event,
    *,
    before: Sequence[Entry] = (),
    output: Any = None,
    error: dict[str, Any] | None = None,
    ops: Sequence[Op] = (),
) -> None:
    """Write the end of a run. Its state and outgoing mail count where it came to that end by itself."""
    house, agent_id = holding.house, holding.agent.id
    now = house.clock.now()
    entries, all_ops, mail, asker = list(before), list(ops), None, ""
    if status in ENDED:
        settled = _settled(execution)
        entries += settled[0]
        all_ops += settled[1]
    run = _counted(execution, status, now)
    agent = msgspec.structs.replace(holding.agent, active_run="", updated_at=now)
    counts = status in ("done", "yielded")
    if counts or execution.journal.cancelling is not None:
        if execution.outbox or execution.marked or execution.waits.dropped:
            mail = await post(house, execution)
    elif execution.waits.dropped:
        mail = let_go(house, execution)
    if mail is not None:
        entries += mail.entries
        all_ops += mail.ops
    if counts and execution.new_state is not None:
        data, version = execution.new_state
        agent = msgspec.structs.replace(agent, state=data, state_version=version)
        entries.append(("", r.StateSet(version=version, digest=digest_bytes(data), body=msgspec.Raw(data))))
    entries.append(("", event))
    all_ops += [PutRun(run), PutAgent(agent)]
    if status in OVER:
        all_ops += execution.money.retire()
    if execution.reported:
        all_ops.append(CancelTimer(run.id))
    if status in ENDED:
        all_ops += reply(run, output, error, now=now)
        asker = await _answered(holding, execution, run, output, error, all_ops)
    all_ops.append(Unclaim(agent_id, house.worker, ANY_MAIL))
    house.probe("tick.before_commit")
    results = await holding.commit(entries, all_ops)
    house.probe("tick.after_commit")
    holding.agent, holding.execution, holding.released = agent, None, bool(results[-1])
    house.settled(Ended(run, output, error))
    if mail is not None:
        mail.wake(house)
    if run.reply_to:
        house.wake(run.reply_to)
    if asker:
        rouse(house, asker)


async def _answered(
    holding: Holding,
    execution: Execution,
    run: RunRow,
    output: Any,
    error: dict[str, Any] | None,
    ops: list[Op],
) -> str:
    """Add to `ops` the answer to whoever asked for this run, where it has none yet; gives that agent or topic."""
    house = holding.house
    now = house.clock.now()
    back = answering(execution.envelope, run, output, error, status=run.status, now=now)
    if back is None:
        return ""
    to = back.envelope.to
    is_lost = unpublishable(back.envelope) if to.startswith(ADDRESS) else await house.store.load_agent(to) is None
    if is_lost:
        return ""
    ops += deliver(back, now=now)
    return to


def _settled(execution: Execution) -> tuple[list[Entry], list[Op]]:
    """The end of money that was set aside for calls cut short: they may have cost all of it."""
    entries: list[Entry] = []
    ops: list[Op] = []
    for key, aside in execution.journal.reserved.items():
        spent = execution.spending.lost_cost(aside)
        entries.append((key, r.BudgetSettled(reservation=aside.reservation, spent=spent)))
        ops.append(Settle(aside.reservation, spent))
        execution.journal.totals.cost += spent
    return entries, ops


async def _suspended(holding: Holding, execution: Execution) -> None:
    """Write what the handler did so far, and what it waits for."""
    house = holding.house
    waits = execution.waits.wanted
    marks = frozenset(wait.mark for wait in waits)
    run = _counted(execution, "waiting", house.clock.now(), most_pressing(waits))
    try:
        mail = await post(house, execution)
    except StoreError:
        raise
    except PerdureError as error:  # a child run of something that there is not
        return await _failed(holding, execution, error)
    entries, ops = [*mail.entries], [*mail.ops]
    if marks != execution.reported:
        entries.append(("", r.RunWaiting(waits=waits)))
    ops += [
        SetTimer(Timer(holding.agent.id, run.id, wait.key, wait.due))
        for wait in waits
        if wait.due is not None and wait.mark not in execution.reported
    ]
    ops.append(PutRun(run))
    house.probe("tick.before_commit")
    await holding.commit(entries, ops)
    house.probe("tick.after_commit")
    execution.reported, execution.run = marks, run
    mail.wake(house)
    house.settled(Ended(run, waits=waits))


async def _parked(holding: Holding, execution: Execution, command: Item | None) -> None:
    """Put the run away between two effects: paused where a command says so, else for anyone to go on with."""
    house = holding.house
    run = _counted(execution, execution.run.status, house.clock.now(), execution.run.waiting_for)
    entries: list[Entry] = []
    ops: list[Op] = []
    if command is not None:
        run = msgspec.structs.replace(run, status="paused")
        entries.append(("", r.RunPaused(who=command.envelope.sender)))
        ops.append(Acknowledge(holding.agent.id, (command.envelope.id,)))
    ops += [PutRun(run), Unclaim(holding.agent.id, house.worker, holding.last_mail)]
    results = await holding.commit(entries, ops)
    holding.execution, holding.released = None, bool(results[-1])
    house.settled(Ended(run))


async def dropped(holding: Holding, item: Item, reason: str) -> None:
    """Take an envelope out of the inbox that nothing can be done with, and say so on record."""
    entry: Entry = ("", r.MessageDropped(envelope=item.envelope.id, reason=reason))
    await holding.commit([entry], [Acknowledge(holding.agent.id, (item.envelope.id,))])


def cancelled_by(envelope: Envelope) -> dict[str, Any]:
    return {"code": "run.cancelled", "message": f"cancelled by {envelope.sender or 'operator'}"}


def _command(holding: Holding, kind: str, agent_id: str, run_id: str, cause: Envelope) -> Op:
    now = holding.house.clock.now()
    id = holding.house.ids.new("env")
    envelope = Envelope(id, agent_id, kind, sender=cause.sender, causation=cause.id, created_at=now)
    (op,) = answer(envelope, run_id, now=now)
    return op


def _counted(execution: Execution, status: RunStatus, now: int, waiting_for: str = "") -> RunRow:
    """The run's row with what it has used so far."""
    totals = execution.journal.totals
    return msgspec.structs.replace(
        execution.run,
        status=status,
        waiting_for=waiting_for,
        finished_at=now if status in ENDED or status == "yielded" else 0,
        steps=totals.steps,
        cost=totals.cost,
        input_tokens=totals.usage.input_tokens,
        output_tokens=totals.usage.output_tokens,
        cached_tokens=totals.usage.cached_tokens,
        reasoning_tokens=totals.usage.reasoning_tokens,
    )
