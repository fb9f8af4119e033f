"""What operations on budgets write."""

from __future__ import annotations

from typing import Any

from perdure.base.codec import pack, unpack
from perdure.kernel.store import ops, scopes
from perdure.kernel.store.rows import Reservation, ScopeRow

from .transaction import Transaction

_AT_WORK = """
WITH RECURSIVE line (id) AS (
    SELECT ?1 UNION SELECT runs.id FROM line JOIN runs ON runs.parent = line.id AND runs.parent != ''
)
SELECT 1 FROM line JOIN runs USING (id) WHERE runs.status NOT IN (?2, ?3) LIMIT 1
"""
"""Whether the run, or one below it, may still spend."""


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
        "INSERT OR REPLACE INTO scopes (id, allowed, reserved, spent, period, given, warned)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row.id, row.limit, row.reserved, row.spent, row.period, row.given, row.warned),
    )


def put_reservation(tx: Transaction, held: Reservation) -> None:
    tx.execute(
        "INSERT INTO reservations (id, run_id, amount, scopes) VALUES (?, ?, ?, ?)",
        (held.id, held.run_id, held.amount, pack(held.scopes)),
    )


def settle(tx: Transaction, op: ops.Settle) -> list[ScopeRow]:
    row = tx.one("SELECT amount, scopes FROM reservations WHERE id = ?", (op.id,))
    if row is None:
        return []
    amount, packed = row
    changed = []
    for scope_id, period in unpack(packed).items():
        scope = tx.scope(scope_id)
        if scope is not None and scope.period == period:
            changed.append(scopes.settle(scope, amount, op.spent))
            put_scope(tx, changed[-1])
    tx.execute("DELETE FROM reservations WHERE id = ?", (op.id,))
    return changed


def set_limit(tx: Transaction, op: ops.SetLimit) -> None:
    put_scope(tx, scopes.give(tx.scope(op.id), op.id, op.limit))


def mark_warned(tx: Transaction, op: ops.MarkWarned) -> None:
    tx.execute("UPDATE scopes SET warned = ? WHERE id = ?", (op.period, op.id))


def retire(tx: Transaction, op: ops.Retire) -> None:
    for run_id in op.run_ids:
        if tx.one(_AT_WORK, (run_id, *scopes.OVER)) is None:
            tx.execute("DELETE FROM scopes WHERE id = ?", (scopes.RUN + run_id,))


def retire_all(tx: Transaction) -> None:
    rows: list[Any] = tx.execute("SELECT id FROM scopes WHERE id >= 'run:' AND id < 'run;'").fetchall()
    retire(tx, ops.Retire(tuple(id.removeprefix(scopes.RUN) for (id,) in rows)))


def forget_agent(tx: Transaction, agent_id: str) -> None:
    """Remove the agent's own scopes."""
    tx.execute("DELETE FROM scopes WHERE id >= ? AND id < ?", scopes.of_agent(agent_id))


def give_back(tx: Transaction, runs: str, binding: str | int) -> None:
    """Release what the runs that `runs` selects have reserved."""
    rows: list[Any] = tx.execute(f"SELECT id FROM reservations WHERE run_id IN ({runs})", (binding,)).fetchall()
    for (reservation,) in rows:
        settle(tx, ops.Settle(reservation, 0))
