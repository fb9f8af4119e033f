"""What operations on budgets do to the tables."""

from __future__ import annotations

from perdure.kernel.store import ops, scopes
from perdure.kernel.store.rows import Reservation

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


def settle(tables: Tables, op: ops.Settle) -> bool:
    reservation = tables.reservations.get(op.id)
    if reservation is None:
        return False
    for scope_id, period in reservation.scopes.items():
        row = tables.scopes[scope_id]
        if row.period == period:
            tables.put(tables.scopes, scope_id, scopes.settle(row, reservation.amount, op.spent))
    tables.drop(tables.reservations, op.id)
    return True
