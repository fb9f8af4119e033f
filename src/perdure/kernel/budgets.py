"""Money of one run: which scopes it draws from, and what its next commit reserves and settles."""

from __future__ import annotations

from collections.abc import Sequence

from perdure.base.codec import digest

from .store.ops import Guard, Op, Reserve, ScopeLimit, Settle, WithinBudget

DAY_MS = 86_400_000


class Money:
    """Collects reservations for the next commit. Without a limit on any scope nothing is reserved at all."""

    def __init__(self, run_id: str, scopes: Sequence[ScopeLimit]) -> None:
        self.scopes = tuple(scopes)
        self._run_id = run_id
        self.is_limited = any(scope.limit is not None for scope in scopes)
        self._count = 0
        self._ops: list[Op] = []
        self._guards: list[Guard] = []

    def reserve(self, key: str, amount: int) -> str:
        """Set `amount` micro-USD aside with the next commit, which fails with BudgetExceeded where it does not fit.
        Returns the reservation's id, "" where no scope has a limit."""
        if not self.is_limited:
            return ""
        self._count += 1
        id = f"{self._run_id}/{digest(key)[:16]}/{self._count}"
        self._ops.append(Reserve(id, self._run_id, amount, self.scopes))
        self._guards.append(WithinBudget(amount, self.scopes))
        return id

    def settle(self, reservation: str, spent: int) -> None:
        self._ops.append(Settle(reservation, spent))

    def take(self) -> tuple[list[Op], list[Guard]]:
        """What has been collected since the last call."""
        ops, guards = self._ops, self._guards
        self._ops, self._guards = [], []
        return ops, guards


def scopes_of(
    lineage: Sequence[tuple[str, int | None]],
    *,
    agent_id: str,
    agent_per_day: int | None,
    project_per_day: int | None,
    now: int,
) -> tuple[ScopeLimit, ...]:
    """The scopes a run draws from: itself and its parents (`lineage`: run id and limit), its agent's and the project's
    day. Scopes without a limit are left out: nothing needs to be counted there before it is spent."""
    day = now // DAY_MS
    found = [ScopeLimit(f"run:{run_id}", limit) for run_id, limit in lineage if limit is not None]
    if agent_per_day is not None:
        found.append(ScopeLimit(f"agent:{agent_id}:day", agent_per_day, day))
    if project_per_day is not None:
        found.append(ScopeLimit("project:day", project_per_day, day))
    return tuple(found)
