"""What operations on events and marks write, and the SQL that chooses events."""

from __future__ import annotations

from perdure.kernel.store import ops, refusals
from perdure.kernel.store.rows import EventFilter

from .transaction import Transaction


def publish(tx: Transaction, op: ops.PublishEvent) -> tuple[int, bool]:
    refusal = refusals.bad_event(op)
    if refusal is not None:
        raise refusal
    known = tx.one("SELECT seq FROM events WHERE id = ?", (op.id,))
    if known is not None:
        return int(known[0]), False
    tx.execute("INSERT INTO events (id, topic, at, data) VALUES (?, ?, ?, ?)", (op.id, op.topic, op.at, op.data))
    return tx.connection.last_insert_rowid(), True


def trim(tx: Transaction, op: ops.TrimEvents) -> int:
    surplus = 0
    if op.keep is not None:
        last = tx.one("SELECT seq FROM events WHERE topic = ? ORDER BY seq DESC LIMIT 1 OFFSET ?", (op.topic, op.keep))
        surplus = last[0] if last else 0
    tx.execute(
        "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE topic = ? AND seq <= ? AND (seq <= ? OR at < ?)"
        " ORDER BY seq LIMIT ?)",
        (op.topic, op.upto, surplus, op.before, op.most),
    )
    return tx.connection.changes()


def put_mark(tx: Transaction, op: ops.PutMark) -> None:
    mark = op.mark
    tx.execute(
        "INSERT OR REPLACE INTO marks (name, seq, at, data, agent) VALUES (?, ?, ?, ?, ?)",
        (mark.name, mark.seq, mark.at, mark.data, tx.need(mark.agent_id).n if mark.agent_id else None),
    )


def drop_mark(tx: Transaction, op: ops.DropMark) -> bool:
    tx.execute("DELETE FROM marks WHERE name = ?", (op.name,))
    return tx.connection.changes() > 0


def choice(filter: EventFilter) -> tuple[str, list[object]]:
    """SQL for what a filter chooses, and its bindings."""
    where, bindings = ["1"], list[object]()
    if filter.topic:
        where.append("topic = ?")
        bindings.append(filter.topic)
    if filter.prefix:
        where.append("topic >= ? AND topic < CAST(? AS TEXT)")
        bindings += (filter.prefix, filter.prefix.encode() + b"\xff")
    if filter.since:
        where.append("at >= ?")
        bindings.append(filter.since)
    return " AND ".join(where), bindings
