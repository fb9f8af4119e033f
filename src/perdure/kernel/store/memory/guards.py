"""What each guard asks of the tables; it returns its refusal, None where it holds."""

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
from .tables import Tables


def refusal(tables: Tables, guard: Guard) -> PerdureError | None:
    return _CHECKS[type(guard)](tables, guard)


def _has_fence(tables: Tables, guard: HasFence) -> PerdureError | None:
    agent = tables.agents.get(guard.agent_id)
    if agent is None:
        return refusals.fenced(guard, "", 0)
    if agent.owner != guard.worker or agent.fence != guard.fence:
        return refusals.fenced(guard, agent.owner, agent.fence)
    return None


def _claimable(tables: Tables, guard: Claimable) -> PerdureError | None:
    agent = tables.agents.get(guard.agent_id)
    if agent is None:
        return refusals.no_agent(guard.agent_id)
    if agent.owner != guard.worker and is_held(tables, agent.owner, guard.stale_before):
        return refusals.held(guard.agent_id, agent.owner)
    return None


def is_held(tables: Tables, owner: str, stale_before: int) -> bool:
    worker = tables.workers.get(owner)
    return worker is not None and worker.heartbeat_at >= stale_before


def _no_agent(tables: Tables, guard: NoAgent) -> PerdureError | None:
    return refusals.agent_exists(guard.agent_id) if guard.agent_id in tables.agents else None


def _new_envelope(tables: Tables, guard: NewEnvelope) -> PerdureError | None:
    return refusals.envelope_known(guard) if tables.knows(guard.agent_id, guard.envelope_id) else None


def _run_is(tables: Tables, guard: RunIs) -> PerdureError | None:
    run = tables.runs.get(guard.run_id)
    status = run[1].status if run else None
    return None if status in guard.status else refusals.wrong_status(guard, status)


def _no_key(tables: Tables, guard: NoKey) -> PerdureError | None:
    if guard.run_id not in tables.runs:
        return None
    run = tables.runs[guard.run_id][1]
    wanted = (guard.run_id, guard.key, guard.type)
    for record in tables.journal.get(run.agent_id, {}).values():
        if (record.run_id, record.key, record.type) == wanted and record.seq >= run.first_seq:
            return refusals.key_recorded(guard)
    return None


def _not_remembered(tables: Tables, guard: NotRemembered) -> PerdureError | None:
    return refusals.remembered(guard) if find_answer(tables, guard.key, guard.now) else None


def _timer_is(tables: Tables, guard: TimerIs) -> PerdureError | None:
    timer = tables.timers.get((guard.run_id, guard.key))
    due = timer.due if timer else None
    return None if due == guard.due else refusals.other_timer(guard, due)


def _value_is(tables: Tables, guard: ValueIs) -> PerdureError | None:
    row = tables.values.get(guard.agent_id, {}).get(guard.key)
    digest = row.digest if row else None
    return None if digest == guard.digest else refusals.other_value(guard, digest)


def _mark_is(tables: Tables, guard: MarkIs) -> PerdureError | None:
    mark = tables.marks.get(guard.name)
    seq = mark.seq if mark else None
    return None if seq == guard.seq else refusals.other_mark(guard, seq)


def _within_budget(tables: Tables, guard: WithinBudget) -> PerdureError | None:
    for scope in guard.scopes:
        error = scopes.overrun(scopes.in_period(tables.scopes.get(scope.id), scope), guard.amount)
        if error:
            return error
    return None


def _not_warned(tables: Tables, guard: NotWarned) -> PerdureError | None:
    row = tables.scopes.get(guard.id)
    return None if row and row.period == guard.period > row.warned else refusals.warned_already(guard)


_CHECKS: dict[type[Guard], Callable[[Tables, Any], PerdureError | None]] = {
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
