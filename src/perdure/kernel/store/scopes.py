"""The arithmetic of budgets, pure: what a scope holds in a period, and whether it has room."""

from __future__ import annotations

from perdure.base.errors import BudgetExceeded
from perdure.base.money import show_money

from .ops import ScopeLimit
from .rows import ScopeRow


def in_period(row: ScopeRow | None, scope: ScopeLimit) -> ScopeRow:
    """The scope's row as it counts for `scope`: begun anew where the row is missing or of an older period."""
    if row is None or row.period < scope.period:
        return ScopeRow(scope.id, scope.limit, 0, 0, scope.period)
    return ScopeRow(scope.id, scope.limit, row.reserved, row.spent, row.period)


def overrun(row: ScopeRow, amount: int) -> BudgetExceeded | None:
    """The error of setting `amount` (micro-USD) aside on this scope, None where it has room."""
    if row.limit is None or row.reserved + row.spent + amount <= row.limit:
        return None
    return BudgetExceeded(
        f"{show_money(amount)} would go over the budget of {row.id}: of {show_money(row.limit)} "
        f"{show_money(row.spent)} is spent and {show_money(row.reserved)} reserved",
        scope=row.id,
        limit=row.limit,
        spent=row.spent,
        reserved=row.reserved,
        amount=amount,
    )


def reserve(row: ScopeRow, amount: int) -> ScopeRow:
    return ScopeRow(row.id, row.limit, row.reserved + amount, row.spent, row.period)


def settle(row: ScopeRow, amount: int, spent: int) -> ScopeRow:
    """The row after a reservation of `amount` came to cost `spent`."""
    return ScopeRow(row.id, row.limit, row.reserved - amount, row.spent + spent, row.period)
