"""What operations on events and marks write, and the SQL that chooses events."""

from __future__ import annotations

from perdure.kernel.store import ops, refusals
from perdure.kernel.store.rows import EventFilter

from .transaction import Transaction


def publish(tx: Transaction, op: ops.PublishEvent) -> tuple[int, bool]:
    refusal = refusals.bad_event(op)
    if refusal is not None:
        raise refusal
    tx.execute(
        "INSERT OR IGNORE INTO events (id, topic, at, data) VALUES (?, ?, ?, ?)", (op.id, op.topic, op.at, op.data)
    )
    if tx.connection.changes():
        return tx.connection.last_insert_rowid(), True
    return int(tx.one("SELECT seq FROM events WHERE id = ?", (op.id,))[0]), False


def trim(tx: Transaction, op: ops.TrimEvents) -> int:
    where, bindings = choice(EventFilter(op.topic, op.prefix))
    surplus = 0
    if op.keep is not None:
        last = tx.one(f"SELECT seq FROM events WHERE {where} ORDER BY seq DESC LIMIT 1 OFFSET ?", (*bindings, op.keep))
        surplus = last[0] if last else 0
    tx.execute(
        f"DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE {where} AND seq <= ? AND (seq <= ? OR at < ?)"
        " ORDER BY seq LIMIT ?)",
        (*bindings, op.upto, surplus, op.before, op.most),
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
