"""Whom a run works for: where its money comes from, and which trace it is part of."""

from __future__ import annotations

from collections.abc import Iterable

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.traceparent import Trace, trace_of

from .budgets import Pool, Scope, agent_scopes, pool_scopes, run_scope
from .journal import decode
from .program import Program, Programs
from .records import RunAccepted
from .store.port import Store
from .store.rows import RecordFilter, RunRow


async def trace_of_run(store: Store, run: RunRow) -> Trace:
    """The trace that the run is part of."""
    wanted = RecordFilter(run.agent_id, run.id, (RunAccepted.type,))
    first = await store.records(wanted, after=run.first_seq - 1, limit=1)
    if not first:
        return trace_of(run.root or run.id, "")
    envelope = unpack_as(decode(first[0]).body, Envelope)
    return trace_of(run.root or run.id, envelope.traceparent, envelope.tracestate)


async def scopes_of(
    store: Store, programs: Programs, run: RunRow, program: Program, pools: Iterable[Pool]
) -> tuple[Scope, ...]:
    """The scopes that the run draws on, from its own to the project's. Those without a limit are left out: nothing
    needs to be counted there before it is spent."""
    found = run_scope(run.id, run.budget)
    found += agent_scopes(run.agent_id, per_tick=program.per_tick, per_day=program.per_day)
    parent = run.parent
    while parent and (row := await store.load_run(parent)) is not None:
        found += run_scope(row.id, row.budget)
        found += agent_scopes(row.agent_id, per_day=(await programs.program(row.spec)).per_day)
        parent = row.parent
    found += pool_scopes(pools)
    if not found:
        return ()
    return tuple({scope.id: scope for scope in reversed(found)}.values())[::-1]
