"""What each guard asks of the file, inside the writer's transaction; it returns its refusal, None where it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perdure.base.errors import PerdureError
from perdure.kernel.store import refusals, scopes
from perdure.kernel.store.ops import (
    Claimable,
    Guard,
    HasFence,
    MarkIs,
    NewEnvelope,
    NoAgent,
    NoKey,
    NotRemembered,
    NotWarned,
    RunIs,
    TimerIs,
    ValueIs,
    WithinBudget,
)

from .answers import find_answer
from .packing import tight
from .transaction import Transaction
from .values import find_digest


def _has_fence(tx: Transaction, guard: HasFence) -> PerdureError | None:
    agent = tx.agent(guard.agent_id)
    if agent is None:
        return refusals.fenced(guard, "", 0)
    if agent.fence != guard.fence or agent.owner != guard.worker:
        return refusals.fenced(guard, agent.owner, agent.fence)
    return None


def _claimable(tx: Transaction, guard: Claimable) -> PerdureError | None:
    agent = tx.agent(guard.agent_id)
    if agent is None:
        return refusals.no_agent(guard.agent_id)
    if agent.owner in ("", guard.worker):
        return None
    worker = tx.one("SELECT heartbeat_at FROM workers WHERE id = ?", (agent.owner,))
    if worker and worker[0] >= guard.stale_before:
        return refusals.held(guard.agent_id, agent.owner)
    return None


def _no_agent(tx: Transaction, guard: NoAgent) -> PerdureError | None:
    return refusals.agent_exists(guard.agent_id) if tx.agent(guard.agent_id) else None


def _new_envelope(tx: Transaction, guard: NewEnvelope) -> PerdureError | None:
    agent = tx.agent(guard.agent_id)
    return refusals.envelope_known(guard) if agent and tx.knows(agent.n, guard.envelope_id) else None


def _run_is(tx: Transaction, guard: RunIs) -> PerdureError | None:
    row = tx.one("SELECT status FROM runs WHERE id = ?", (guard.run_id,))
    status = row[0] if row else None
    return None if status in guard.status else refusals.wrong_status(guard, status)


def _no_key(tx: Transaction, guard: NoKey) -> PerdureError | None:
    found = tx.one(
        "SELECT 1 FROM runs JOIN records ON records.agent = runs.agent AND records.seq >= runs.first_seq"
        " WHERE runs.id = ? AND records.run = ? AND records.key = ? AND records.type = ?",
        (guard.run_id, tight(guard.run_id), guard.key, guard.type),
    )
    return refusals.key_recorded(guard) if found else None


def _not_remembered(tx: Transaction, guard: NotRemembered) -> PerdureError | None:
    return None if find_answer(tx, guard.key, guard.now) is None else refusals.remembered(guard)


def _timer_is(tx: Transaction, guard: TimerIs) -> PerdureError | None:
    row = tx.one("SELECT due FROM timers WHERE run_id = ? AND key = ?", (guard.run_id, guard.key))
    due = row[0] if row else None
    return None if due == guard.due else refusals.other_timer(guard, due)


def _value_is(tx: Transaction, guard: ValueIs) -> PerdureError | None:
    digest = find_digest(tx, guard.agent_id, guard.key)
    return None if digest == guard.digest else refusals.other_value(guard, digest)


def _mark_is(tx: Transaction, guard: MarkIs) -> PerdureError | None:
    row = tx.one("SELECT seq FROM marks WHERE name = ?", (guard.name,))
    seq = row[0] if row else None
    return None if seq == guard.seq else refusals.other_mark(guard, seq)


def _within_budget(tx: Transaction, guard: WithinBudget) -> PerdureError | None:
    for scope in guard.scopes:
        error = scopes.overrun(scopes.in_period(tx.scope(scope.id), scope), guard.amount)
        if error:
            return error
    return None


def _not_warned(tx: Transaction, guard: NotWarned) -> PerdureError | None:
    row = tx.scope(guard.id)
    return None if row and row.period == guard.period > row.warned else refusals.warned_already(guard)


CHECKS: dict[type[Guard], Callable[[Transaction, Any], PerdureError | None]] = {
    HasFence: _has_fence,
    Claimable: _claimable,
    NoAgent: _no_agent,
    NewEnvelope: _new_envelope,
    RunIs: _run_is,
    NoKey: _no_key,
    NotRemembered: _not_remembered,
    TimerIs: _timer_is,
    ValueIs: _value_is,
    MarkIs: _mark_is,
    WithinBudget: _within_budget,
    NotWarned: _not_warned,
}
