"""What operations on budgets do to the tables."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.kernel.store import ops, scopes
from perdure.kernel.store.rows import Reservation, ScopeRow

from .tables import Tables


def reserve(tables: Tables, op: ops.Reserve) -> None:
    if op.id in tables.reservations:
        return
    periods: dict[str, int] = {}
    for scope in op.scopes:
        if scope.id in periods:
            continue
        row = scopes.reserve(scopes.in_period(tables.scopes.get(scope.id), scope), op.amount)
        tables.put(tables.scopes, row.id, row)
        periods[row.id] = row.period
    tables.put(tables.reservations, op.id, Reservation(op.id, op.run_id, op.amount, periods))


def settle(tables: Tables, op: ops.Settle) -> list[ScopeRow]:
    reservation = tables.reservations.get(op.id)
    if reservation is None:
        return []
    changed = []
    for scope_id, period in reservation.scopes.items():
        row = tables.scopes.get(scope_id)
        if row is not None and row.period == period:
            changed.append(scopes.settle(row, reservation.amount, op.spent))
            tables.put(tables.scopes, scope_id, changed[-1])
    tables.drop(tables.reservations, op.id)
    return changed


def set_limit(tables: Tables, op: ops.SetLimit) -> None:
    tables.put(tables.scopes, op.id, scopes.give(tables.scopes.get(op.id), op.id, op.limit))


def mark_warned(tables: Tables, op: ops.MarkWarned) -> None:
    row = tables.scopes.get(op.id)
    if row is not None:
        tables.put(tables.scopes, op.id, replace(row, warned=op.period))


def retire(tables: Tables, op: ops.Retire) -> None:
    for run_id in op.run_ids:
        if _is_over(tables, run_id):
            tables.drop(tables.scopes, scopes.RUN + run_id)


def retire_all(tables: Tables) -> None:
    retire(tables, ops.Retire(tuple(id.removeprefix(scopes.RUN) for id in tables.scopes if id.startswith(scopes.RUN))))


def forget_agent(tables: Tables, agent_id: str) -> None:
    """Remove the agent's own scopes."""
    first, end = scopes.of_agent(agent_id)
    for id in [id for id in tables.scopes if first <= id < end]:
        tables.drop(tables.scopes, id)


def _is_over(tables: Tables, run_id: str) -> bool:
    """Whether the run and all below it can spend no more."""
    _, run = tables.runs.get(run_id, (0, None))
    below = [row.id for _, row in tables.runs.values() if row.parent == run_id]
    return (run is None or run.status in scopes.OVER) and all(_is_over(tables, id) for id in below)
