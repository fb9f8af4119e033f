"""Budgets: what a run draws on, in which period, and what its next commit reserves and settles there.

Scopes form a tree: a run is in its parent run and in its agent, these in the tenant, and that in the project. Money is
set aside on all of them at once, or not at all. A scope counts in periods:

- `run:<id>` has one, which ends with the run. Child runs draw on it too.
- `agent:<id>:tick` begins anew with each turn of the agent: when its handler begins, goes on after a wait, or is taken
  up after a crash. What child runs spend is spent in ticks of their own agents.
- `…:day` and `…:month` begin at midnight UTC. A child run draws on its own agent's day, and on those of all above it.

What is reserved counts in the period that it was reserved in, however long the call takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

from perdure.base.codec import digest
from perdure.base.money import show_money

from .store.ops import Guard, MarkWarned, NotWarned, Op, Reserve, Retire, ScopeLimit, Settle, WithinBudget
from .store.rows import ScopeRow
from .store.scopes import RUN

DAY_MS = 86_400_000
Every: TypeAlias = Literal["run", "tick", "day", "month"]


class Pool(msgspec.Struct, frozen=True):
    """Money that all agents of a process draw on, such as `project` or `tenant:acme`. Amounts are micro-USD."""

    id: str
    per_day: int | None = None
    per_month: int | None = None

    @property
    def is_limited(self) -> bool:
        return self.per_day is not None or self.per_month is not None


class BudgetRules(msgspec.Struct, frozen=True):
    """How an agent spends. Amounts are micro-USD.

    A spend above `approval_threshold` waits until one of the `approvers` agrees (by name or public key; none named:
    anyone). `on_exceeded` says whether a run fails or waits where a budget has no room, `unknown_usage` what a call
    counts for whose cost nobody knows. `warn_at` is the share of a limit that is told of when it is spent.
    """

    approval_threshold: int | None = None
    approvers: tuple[str, ...] = ()
    warn_at: float = 0.8
    on_exceeded: Literal["fail", "wait"] = "fail"
    unknown_usage: Literal["reserved", "zero"] = "reserved"


class Scope(msgspec.Struct, frozen=True, gc=False):
    """One scope with its limit."""

    id: str
    limit: int

    @property
    def every(self) -> Every:
        return every(self.id)


def every(scope_id: str) -> Every:
    """What the scope's limit is for: a run, or each tick, day or month."""
    last = scope_id.rpartition(":")[2]
    return last if last in ("tick", "day", "month") and not scope_id.startswith(RUN) else "run"  # type: ignore[return-value]


def period(every: Every, now: int, tick: int = 0) -> int:
    """The number of the period that `now` (ms) is in: days and months are counted, ticks have a number of their own."""
    match every:
        case "day":
            return now // DAY_MS
        case "month":
            date = datetime.fromtimestamp(now // 1000, UTC)
            return date.year * 12 + date.month - 1
        case "tick":
            return tick
        case "run":
            return 0


def resets_at(every: Every, now: int) -> int | None:
    """When the next period begins (ms UTC); None where that is no matter of time."""
    match every:
        case "day":
            return (now // DAY_MS + 1) * DAY_MS
        case "month":
            year, month = divmod(period("month", now) + 1, 12)
            return int(datetime(year, month + 1, 1, tzinfo=UTC).timestamp()) * 1000
        case _:
            return None


def run_scope(run_id: str, limit: int | None) -> list[Scope]:
    return [] if limit is None else [Scope(RUN + run_id, limit)]


def agent_scopes(agent_id: str, *, per_tick: int | None = None, per_day: int | None = None) -> list[Scope]:
    limits = (("tick", per_tick), ("day", per_day))
    return [Scope(f"agent:{agent_id}:{name}", limit) for name, limit in limits if limit is not None]


def pool_scopes(pools: Iterable[Pool]) -> list[Scope]:
    found: list[Scope] = []
    for pool in pools:
        for name, limit in (("day", pool.per_day), ("month", pool.per_month)):
            if limit is not None:
                found.append(Scope(f"{pool.id}:{name}", limit))
    return found


def limits_of(scopes: Iterable[Scope], now: int, tick: int = 0) -> tuple[ScopeLimit, ...]:
    """The scopes in the periods that they are in at `now` (ms)."""
    return tuple(ScopeLimit(one.id, one.limit, period(one.every, now, tick)) for one in scopes)


def low(scope_id: str, spent: int, limit: int) -> str:
    """A warning that a scope is nearly spent, in words."""
    return f"{scope_id} has spent {show_money(spent)} of {show_money(limit)}"


class Money:
    """The budget of one run, in memory: what has been decided since its last commit. Without a limit on any scope
    nothing is reserved at all."""

    __slots__ = ("_count", "_guards", "_ops", "_run_id", "_scopes", "_tick", "is_limited", "now", "rules")

    def __init__(
        self,
        run_id: str,
        scopes: Sequence[Scope] = (),
        rules: BudgetRules = BudgetRules(),  # noqa: B008  it is frozen
        *,
        now: Callable[[], int],
        tick: Callable[[], int],
    ) -> None:
        self.rules = rules
        self.is_limited = bool(scopes) or rules.approval_threshold is not None
        self._scopes = tuple(scopes)
        self._run_id = run_id
        self.now = now
        self._tick = tick
        self._count = 0
        self._ops: tuple[Op, ...] = ()
        self._guards: tuple[Guard, ...] = ()

    @property
    def limits(self) -> tuple[ScopeLimit, ...]:
        """The scopes in the periods that they are in just now."""
        return limits_of(self._scopes, self.now(), self._tick())

    def reserve(self, key: str, amount: int) -> str:
        """Set `amount` micro-USD aside with the next commit, which fails with BudgetExceeded where it does not fit.
        Returns the reservation's id, "" where no scope has a limit."""
        if not self._scopes:
            return ""
        self._count += 1
        id, limits = f"{self._run_id}/{digest(key)[:16]}/{self._count}", self.limits
        self._ops += (Reserve(id, self._run_id, amount, limits),)
        self._guards += (WithinBudget(amount, limits),)
        return id

    def settle(self, reservation: str, spent: int) -> None:
        self._ops += (Settle(reservation, spent),)

    def warn(self, row: ScopeRow) -> None:
        """Note with the next commit that a warning is given of this scope; it fails with KeyExists where one was."""
        self._ops += (MarkWarned(row.id, row.period),)
        self._guards += (NotWarned(row.id, row.period),)

    def take(self) -> tuple[tuple[Op, ...], tuple[Guard, ...]]:
        """What has been collected since the last call."""
        ops, guards = self._ops, self._guards
        self._ops = self._guards = ()
        return ops, guards

    def is_low(self, row: ScopeRow) -> bool:
        """Whether a warning is due: so much of the scope is spent, and nobody was told in this period."""
        limit = row.allowed
        return limit is not None and row.warned < row.period and row.spent >= limit * self.rules.warn_at

    def retire(self) -> list[Op]:
        """What becomes of the scopes of this run and those above it when it ends: see Retire."""
        if not self._scopes:
            return []
        runs = tuple(one.id.removeprefix(RUN) for one in self._scopes if one.every == "run")
        return [Retire(runs)] if runs else []
