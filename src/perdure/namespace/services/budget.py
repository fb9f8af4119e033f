"""What an agent may spend, as it sees it: the scopes that it draws on."""

from __future__ import annotations

from perdure.kernel.budgets import Scope, run_scope
from perdure.kernel.standing import BudgetLine, standing
from perdure.kernel.store.rows import AgentRow

from .desk import Desk


async def budget_of(desk: Desk, row: AgentRow, scopes: tuple[Scope, ...]) -> list[BudgetLine]:
    """How each of these scopes stands, and that of the run under way."""
    run = await desk.store.load_run(row.active_run) if row.active_run else None
    wanted = [*scopes, *(run_scope(run.id, run.budget) if run is not None else ())]
    if not wanted:
        return []
    rows = {scope.id: scope for scope in await desk.store.scopes([scope.id for scope in wanted])}
    now = desk.clock.now()
    return [standing(scope.id, scope.limit, rows.get(scope.id), now) for scope in wanted]
