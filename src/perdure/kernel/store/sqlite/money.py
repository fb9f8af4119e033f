"""What operations on budgets write."""

from __future__ import annotations

from typing import Any

from perdure.base.codec import pack, unpack
from perdure.kernel.store import ops, scopes
from perdure.kernel.store.rows import Reservation, ScopeRow

from .transaction import Transaction


def reserve(tx: Transaction, op: ops.Reserve) -> None:
    if tx.one("SELECT 1 FROM reservations WHERE id = ?", (op.id,)):
        return
    periods: dict[str, int] = {}
    for scope in op.scopes:
        if scope.id in periods:
            continue
        row = scopes.reserve(scopes.in_period(tx.scope(scope.id), scope), op.amount)
        put_scope(tx, row)
        periods[row.id] = row.period
    put_reservation(tx, Reservation(op.id, op.run_id, op.amount, periods))


def put_scope(tx: Transaction, row: ScopeRow) -> None:
    tx.execute(
        "INSERT OR REPLACE INTO scopes (id, allowed, reserved, spent, period) VALUES (?, ?, ?, ?, ?)",
        (row.id, row.limit, row.reserved, row.spent, row.period),
    )


def put_reservation(tx: Transaction, held: Reservation) -> None:
    tx.execute(
        "INSERT INTO reservations (id, run_id, amount, scopes) VALUES (?, ?, ?, ?)",
        (held.id, held.run_id, held.amount, pack(held.scopes)),
    )


def settle(tx: Transaction, op: ops.Settle) -> bool:
    row = tx.one("SELECT amount, scopes FROM reservations WHERE id = ?", (op.id,))
    if row is None:
        return False
    amount, packed = row
    for scope_id, period in unpack(packed).items():
        tx.execute(
            "UPDATE scopes SET reserved = reserved - ?, spent = spent + ? WHERE id = ? AND period = ?",
            (amount, op.spent, scope_id, period),
        )
    tx.execute("DELETE FROM reservations WHERE id = ?", (op.id,))
    return True


def give_back(tx: Transaction, runs: str, binding: str | int) -> None:
    """Release what the runs that `runs` selects have reserved."""
    rows: list[Any] = tx.execute(f"SELECT id FROM reservations WHERE run_id IN ({runs})", (binding,)).fetchall()
    for (reservation,) in rows:
        settle(tx, ops.Settle(reservation, 0))
