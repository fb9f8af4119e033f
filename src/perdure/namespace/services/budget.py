"""What an agent may spend, as it sees it: the scopes that it draws on, in micro-USD."""

from __future__ import annotations

from typing import Any

from perdure.kernel.budgets import every, resets_at
from perdure.kernel.store.ops import ScopeLimit
from perdure.kernel.store.rows import AgentRow
from perdure.kernel.store.scopes import in_period

from .desk import Desk


async def budget_of(desk: Desk, row: AgentRow, scopes: tuple[ScopeLimit, ...]) -> list[dict[str, Any]]:
    """Each scope with a limit, and the limit of the run under way: what is reserved, spent and left of it."""
    wanted = [*scopes, *await _run(desk, row)]
    rows = {scope.id: scope for scope in await desk.store.scopes([scope.id for scope in wanted])}
    found: list[dict[str, Any]] = []
    for scope in wanted:
        now = in_period(rows.get(scope.id), scope)
        one: dict[str, Any] = {"scope": scope.id, "limit_microusd": now.allowed}
        one |= {"reserved_microusd": now.reserved, "spent_microusd": now.spent}
        if now.allowed is not None:
            one["remaining_microusd"] = max(0, now.allowed - now.reserved - now.spent)
        if (reset := resets_at(every(scope.id), desk.clock.now())) is not None:
            one["resets_at"] = reset
        found.append(one)
    return found


async def _run(desk: Desk, row: AgentRow) -> list[ScopeLimit]:
    run = await desk.store.load_run(row.active_run) if row.active_run else None
    return [] if run is None or run.budget is None else [ScopeLimit(f"run:{run.id}", run.budget)]
