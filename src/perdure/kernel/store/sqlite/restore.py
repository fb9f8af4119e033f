"""How a snapshot comes back into the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perdure.kernel.store import refusals, restoring
from perdure.kernel.store.ops import Op
from perdure.kernel.store.snapshot import Snapshot

from .money import put_reservation, put_scope
from .packing import tight
from .transaction import RECORDS, Transaction


def restore(tx: Transaction, snapshot: Snapshot, apply: Callable[[Sequence[Op]], object]) -> None:
    """Put the snapshot back; `apply` does the operations around its records."""
    if tx.agent(snapshot.agent.id):
        raise refusals.agent_exists(snapshot.agent.id)
    for run in snapshot.runs:
        if tx.one("SELECT 1 FROM runs WHERE id = ?", (run.id,)):
            raise refusals.run_exists(run.id)
    for timer in snapshot.timers:
        if tx.one("SELECT 1 FROM timers WHERE run_id = ? AND key = ?", (timer.run_id, timer.key)):
            raise refusals.timer_exists(timer)
    records = restoring.linked(snapshot)
    apply(restoring.before_records(snapshot))
    agent, first_seq = tx.need(snapshot.agent.id), tx.next_seq
    for seq, record in enumerate(records, first_seq):
        tx.later(
            RECORDS,
            (
                seq,
                agent.n,
                tight(record.run_id),
                record.key,
                record.type,
                record.at,
                record.hash,
                record.blob or None,
                None if record.erased else record.data,
            ),
        )
    if records:
        agent.head, agent.records = records[-1].hash, len(records)
        tx.next_seq += len(records)
        tx.moved(agent)
    apply(restoring.after_records(snapshot, first_seq))
    for scope in snapshot.scopes:
        if tx.scope(scope.id) is None:
            put_scope(tx, restoring.fresh(scope))
    for reservation in snapshot.reservations:
        if tx.one("SELECT 1 FROM reservations WHERE id = ?", (reservation.id,)):
            continue
        put_reservation(tx, reservation)
        for scope_id in reservation.scopes:
            row = restoring.again(reservation, scope_id, tx.scope(scope_id))
            if row:
                put_scope(tx, row)
