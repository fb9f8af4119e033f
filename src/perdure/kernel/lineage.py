"""Where a run's money comes from: its own budget, and those of everybody that it works for."""

from __future__ import annotations

from collections.abc import Iterable

from .budgets import Pool, Scope, agent_scopes, pool_scopes, run_scope
from .program import Program, Programs
from .store.port import Store
from .store.rows import RunRow


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
