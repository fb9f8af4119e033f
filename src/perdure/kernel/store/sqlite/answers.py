"""What operations on remembered answers write."""

from __future__ import annotations

from perdure.kernel.store import ops

from .transaction import Transaction


def find_answer(tx: Transaction, key: str, now: int) -> bytes | None:
    row = tx.one("SELECT data FROM answers WHERE key = ? AND expires_at > ?", (key, now))
    return row[0] if row else None


def remember(tx: Transaction, op: ops.Remember) -> bytes:
    before = find_answer(tx, op.key, op.at)
    if before is not None:
        return before
    tx.execute(
        "INSERT OR REPLACE INTO answers (key, at, expires_at, data) VALUES (?, ?, ?, ?)",
        (op.key, op.at, op.expires_at, op.data),
    )
    first, last = tx.one("SELECT (SELECT min(n) FROM answers), (SELECT max(n) FROM answers)")
    if last - first >= op.keep:  # else there are surely no more than that: counting takes longer
        _evict(tx, op.at, op.keep)
    return op.data


def _evict(tx: Transaction, now: int, keep: int) -> None:
    (count,) = tx.one("SELECT count(*) FROM answers")
    if count > keep:
        count -= _forget_expired(tx, now)
    if count > keep:
        tx.execute("DELETE FROM answers WHERE n IN (SELECT n FROM answers ORDER BY n LIMIT ?)", (count - keep,))


def forget_expired(tx: Transaction, op: ops.ForgetExpired) -> int:
    return _forget_expired(tx, op.now)


def _forget_expired(tx: Transaction, now: int) -> int:
    tx.execute("DELETE FROM answers WHERE expires_at <= ?", (now,))
    return tx.connection.changes()


def collect(tx: Transaction, now: int) -> tuple[int, int]:
    """Forget what has expired: how many answers, and their bytes."""
    (size,) = tx.one("SELECT coalesce(sum(length(data)), 0) FROM answers WHERE expires_at <= ?", (now,))
    return _forget_expired(tx, now), size
