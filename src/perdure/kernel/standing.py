"""How a budget stands: its limit and what is reserved, spent and left, in the period that is now."""

from __future__ import annotations

import msgspec

from .budgets import every, period, resets_at
from .store.rows import ScopeRow


class BudgetLine(msgspec.Struct, frozen=True):
    """One scope in its present period. `is_set`: its limit was set by a person, over what files say. `resets_at` is
    milliseconds UTC, None where that is no matter of time. `warned`: somebody was told that it is nearly spent."""

    scope: str
    limit_microusd: int | None
    reserved_microusd: int
    spent_microusd: int
    remaining_microusd: int | None
    resets_at: int | None
    warned: bool = False
    is_set: bool = False


def standing(id: str, limit: int | None, row: ScopeRow | None, now: int) -> BudgetLine:
    """The scope `id` at `now` (ms): `limit` is what files say, `row` what the store has of it. Ticks are those of the
    row, the last in which anything was reserved."""
    kind = every(id)
    present = period(kind, now) if kind in ("day", "month") else -1
    row = row or ScopeRow(id, limit, 0, 0, present)
    allowed = row.given if row.given is not None else limit if limit is not None else row.limit
    is_past = row.period < present
    reserved, spent = (0, 0) if is_past else (row.reserved, row.spent)
    return BudgetLine(
        id,
        allowed,
        reserved,
        spent,
        None if allowed is None else max(0, allowed - reserved - spent),
        resets_at(kind, now),
        warned=not is_past and row.warned == row.period,
        is_set=row.given is not None,
    )
