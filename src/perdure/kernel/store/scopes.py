"""The arithmetic of budgets, pure: what a scope holds in a period, and whether it has room."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.base.errors import BudgetExceeded
from perdure.base.money import show_money

from .ops import ScopeLimit
from .rows import RunStatus, ScopeRow

RUN = "run:"
"""What the ids of the scopes of runs begin with."""
OVER: tuple[RunStatus, ...] = ("done", "cancelled")
"""States of runs that can spend no more; a failed one can be resumed."""


def in_period(row: ScopeRow | None, scope: ScopeLimit) -> ScopeRow:
    """The scope's row as it counts for `scope`: begun anew where the row is missing or of an older period."""
    if row is None:
        return ScopeRow(scope.id, scope.limit, 0, 0, scope.period)
    if row.period < scope.period:
        return replace(row, limit=scope.limit, reserved=0, spent=0, period=scope.period)
    return replace(row, limit=scope.limit)


def overrun(row: ScopeRow, amount: int) -> BudgetExceeded | None:
    """The error of setting `amount` (micro-USD) aside on this scope, None where it has room."""
    limit = row.allowed
    if limit is None or row.reserved + row.spent + amount <= limit:
        return None
    return BudgetExceeded(
        f"{show_money(amount)} would go over the budget of {row.id}: of {show_money(limit)} "
        f"{show_money(row.spent)} is spent and {show_money(row.reserved)} reserved",
        scope=row.id,
        limit=limit,
        spent=row.spent,
        reserved=row.reserved,
        amount=amount,
    )


def reserve(row: ScopeRow, amount: int) -> ScopeRow:
    return replace(row, reserved=row.reserved + amount)


def settle(row: ScopeRow, amount: int, spent: int) -> ScopeRow:
    """The row after a reservation of `amount` came to cost `spent`."""
    return replace(row, reserved=row.reserved - amount, spent=row.spent + spent)


def give(row: ScopeRow | None, id: str, limit: int | None) -> ScopeRow:
    """The row with the limit that a person set; one that nothing was reserved on yet is of no period."""
    return replace(row or ScopeRow(id, None, 0, 0, 0), given=limit, warned=-1)


def of_agent(agent_id: str) -> tuple[str, str]:
    """The ids of an agent's own scopes begin with the first and come before the second, and no others do."""
    return f"agent:{agent_id}:", f"agent:{agent_id};"
