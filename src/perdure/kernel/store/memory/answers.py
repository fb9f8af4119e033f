"""What operations on remembered answers do to the tables."""

from __future__ import annotations

from perdure.kernel.store import ops
from perdure.kernel.store.rows import Answer

from .tables import Tables


def find_answer(tables: Tables, key: str, now: int) -> Answer | None:
    found = tables.answers.get(key)
    return found[1] if found and found[1].expires_at > now else None


def remember(tables: Tables, op: ops.Remember) -> bytes:
    before = find_answer(tables, op.key, op.at)
    if before:
        return before.data
    op.key.encode()  # text that cannot be stored fails here
    answer = Answer(op.key, bytes(op.data), op.at, op.expires_at)
    tables.put(tables.answers, op.key, (tables.number("answer"), answer))
    if len(tables.answers) > op.keep:
        _forget_expired(tables, op.at)
        oldest = sorted(tables.answers, key=lambda key: tables.answers[key][0])
        for key in oldest[: len(oldest) - op.keep]:
            tables.drop(tables.answers, key)
    return answer.data


def forget_expired(tables: Tables, op: ops.ForgetExpired) -> int:
    return len(_forget_expired(tables, op.now))


def _forget_expired(tables: Tables, now: int) -> list[Answer]:
    expired = [answer for _, answer in tables.answers.values() if answer.expires_at <= now]
    for answer in expired:
        tables.drop(tables.answers, answer.key)
    return expired


def collect(tables: Tables, now: int) -> tuple[int, int]:
    """Forget what has expired: how many answers, and their bytes."""
    expired = _forget_expired(tables, now)
    return len(expired), sum(len(answer.data) for answer in expired)
