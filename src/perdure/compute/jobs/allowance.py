"""What an agent may spend on jobs: the scopes that one draws from, and what they show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from perdure.kernel.budgets import DAY_MS, BudgetRules
from perdure.kernel.store.ops import ScopeLimit
from perdure.kernel.store.rows import ScopeRow
from perdure.kernel.store.scopes import in_period

from ..policy import ComputePolicy


class Allowance(msgspec.Struct, frozen=True):
    """`scopes` are those that the agent draws on just now: of the run it is in, of itself, of the project. `tick` is a
    number that grows from tick to tick, 0 between two of them: what is asked for then belongs to the one before.
    `rules` say how the agent spends."""

    scopes: tuple[ScopeLimit, ...] = ()
    tick: int = 0
    rules: BudgetRules = BudgetRules()


def tick_scope(agent_id: str) -> str:
    return f"agent:{agent_id}:compute:tick"


def day_scope(agent_id: str) -> str:
    return f"agent:{agent_id}:compute:day"


def scopes_of_job(agent_id: str, allowance: Allowance, policy: ComputePolicy, now: int) -> tuple[ScopeLimit, ...]:
    """All that a job draws from. The two of /compute are there without a limit too, so that they count."""
    return (
        *allowance.scopes,
        ScopeLimit(tick_scope(agent_id), policy.max_cost_per_tick_microusd, allowance.tick),
        ScopeLimit(day_scope(agent_id), policy.max_cost_per_day_microusd, now // DAY_MS),
    )


def room(scopes: Iterable[ScopeLimit], rows: Mapping[str, ScopeRow]) -> int | None:
    """The most that can still be set aside, micro-USD; None where nothing limits it."""
    left = [_left(in_period(rows.get(scope.id), scope)) for scope in scopes]
    return min((one for one in left if one is not None), default=None)


def usage_of(
    agent_id: str, scopes: Iterable[ScopeLimit], rows: Mapping[str, ScopeRow]
) -> dict[str, dict[str, int | None]]:
    """What `usage` shows: of this tick and of this day, what jobs have reserved and spent, and what is left for more
    of them. The limit is the least of those that hold; None is no limit."""
    scopes = tuple(scopes)
    by_tick = [scope for scope in scopes if not scope.id.endswith((":day", ":month"))]
    by_day = [scope for scope in scopes if scope.id.endswith((":day", ":month"))]
    return {
        "tick": _shown(tick_scope(agent_id), by_tick, rows),
        "day": _shown(day_scope(agent_id), by_day, rows),
    }


def _shown(counter: str, scopes: list[ScopeLimit], rows: Mapping[str, ScopeRow]) -> dict[str, Any]:
    counted = next(in_period(rows.get(scope.id), scope) for scope in scopes if scope.id == counter)
    limits = [in_period(rows.get(scope.id), scope).allowed for scope in scopes]
    return {
        "reserved_microusd": counted.reserved,
        "spent_microusd": counted.spent,
        "limit_microusd": min((limit for limit in limits if limit is not None), default=None),
        "remaining_microusd": room(scopes, rows),
    }


def _left(row: ScopeRow) -> int | None:
    return None if row.allowed is None else max(0, row.allowed - row.reserved - row.spent)
