"""The questions asked of the file, on a connection of their own: they see what is committed and wait for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from perdure.kernel.records import Record
from perdure.kernel.store.rows import (
    AgentRow,
    Answer,
    Counts,
    DeadLetter,
    EventFilter,
    EventRow,
    Mail,
    MarkRow,
    Order,
    Page,
    RecordFilter,
    RunFilter,
    RunRow,
    RunStatus,
    ScopeRow,
    Timer,
    TopicRow,
    ValueRow,
    WorkerRow,
)

from .events import choice
from .packing import read_agent, read_run, tight, wide
from .schema import OPEN
from .values import PROJECT

_AGENT = (
    "SELECT r.row, a.owner, a.fence, a.head, a.records, a.id FROM agents a CROSS JOIN agent_rows r ON r.agent = a.n"
)
RECORD = (
    "SELECT a.id, r.run, r.key, r.type, r.at, r.data, r.blob, r.seq, r.hash, b.data"
    " FROM records r CROSS JOIN agents a ON a.n = r.agent LEFT JOIN blobs b ON b.digest = r.blob"
)
_TIMER = "SELECT a.id, t.run_id, t.key, t.due FROM timers t CROSS JOIN agents a ON a.n = t.agent"
_BY_TIME = "ORDER BY t.due, t.run_id, t.key"
_SCOPE = "SELECT id, allowed, reserved, spent, period, given, warned FROM scopes"
_EVENT = "SELECT seq, id, topic, at, data FROM events"
_MARK = "SELECT m.name, m.seq, m.at, m.data, coalesce(a.id, '') FROM marks m LEFT JOIN agents a ON a.n = m.agent"
_VALUE = "SELECT key, data, at, digest FROM agent_values"
_N = "(SELECT n FROM agents WHERE id = ?)"
_KEEPER = f"iif(?1 = '', {PROJECT}, (SELECT n FROM agents WHERE id = ?1))"


class Reader:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def _all(self, sql: str, bindings: Sequence[Any] = ()) -> list[Any]:
        return self._connection.execute(sql, tuple(bindings)).fetchall()

    def close(self) -> None:
        self._connection.close()

    # -- points -------------------------------------------------------------------------------------------------------

    def agent(self, agent_id: str) -> AgentRow | None:
        rows = self._all(f"{_AGENT} WHERE a.id = ?", (agent_id,))
        return read_agent(*rows[0][:5]) if rows else None

    def run(self, run_id: str) -> RunRow | None:
        rows = self._all("SELECT row, first_seq FROM runs WHERE id = ?", (run_id,))
        return read_run(*rows[0]) if rows else None

    def find_run(self, agent_id: str, envelope_id: str) -> RunRow | None:
        rows = self._all(
            f"SELECT row, first_seq FROM runs WHERE envelope = ? AND +agent = {_N} ORDER BY n LIMIT 1",
            (envelope_id, agent_id),
        )
        return read_run(*rows[0]) if rows else None

    def spec(self, digest: str) -> bytes | None:
        rows = self._all("SELECT data FROM specs WHERE digest = ?", (digest,))
        return rows[0][0] if rows else None

    def blob(self, digest: str) -> bytes | None:
        rows = self._all("SELECT data FROM blobs WHERE digest = ?", (digest,))
        return rows[0][0] if rows else None

    def seen(self, agent_id: str, id: str) -> bool:
        return bool(
            self._all(
                f"SELECT 1 FROM known WHERE agent = {_N} AND space = 1 AND id = ?",
                (agent_id, id),
            )
        )

    def value(self, agent_id: str, key: str) -> ValueRow | None:
        rows = self._all(f"{_VALUE} WHERE agent = {_KEEPER} AND key = ?", (agent_id, key))
        return ValueRow(agent_id, *rows[0]) if rows else None

    def remembered(self, key: str, now: int) -> bytes | None:
        rows = self._all("SELECT data FROM answers WHERE key = ? AND expires_at > ?", (key, now))
        return rows[0][0] if rows else None

    # -- what is to be done -------------------------------------------------------------------------------------------

    def mail(self, agent_id: str, limit: int) -> list[Mail]:
        rows = self._all(
            "SELECT seq, envelope, kind, run_id, priority, expires_at, data FROM mail"
            f" WHERE agent = {_N} ORDER BY priority, seq LIMIT ?",
            (agent_id, limit),
        )
        return [Mail(row[0], agent_id, *row[1:]) for row in rows]

    def mail_count(self, agent_id: str) -> int:
        return int(self._all(f"SELECT count(*) FROM mail WHERE agent = {_N}", (agent_id,))[0][0])

    def timers(self, agent_id: str) -> list[Timer]:
        return [Timer(*row) for row in self._all(f"{_TIMER} WHERE t.agent = {_N} {_BY_TIME}", (agent_id,))]

    def due(self, now: int, limit: int) -> list[Timer]:
        return [Timer(*row) for row in self._all(f"{_TIMER} WHERE t.due <= ? {_BY_TIME} LIMIT ?", (now, limit))]

    def next_due(self) -> int | None:
        due: int | None = self._all("SELECT min(due) FROM timers")[0][0]
        return due

    def ready(self, stale_before: int, limit: int) -> list[str]:
        rows = self._all(
            "SELECT a.id FROM agents a WHERE a.n IN (SELECT agent FROM mail UNION SELECT agent FROM runs"
            f"  WHERE status IN ('queued', 'running') AND {OPEN})"
            " AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = a.owner AND w.heartbeat_at >= ?)"
            " AND NOT EXISTS (SELECT 1 FROM agent_rows r WHERE r.agent = a.n AND r.rests)"
            " ORDER BY a.id LIMIT ?",
            (stale_before, limit),
        )
        return [row[0] for row in rows]

    # -- lists --------------------------------------------------------------------------------------------------------

    def records(self, filter: RecordFilter, after: int, before: int | None, limit: int, order: Order) -> list[Record]:
        where = ["r.seq > ?", "r.data IS NOT NULL"]
        bindings: list[Any] = [after]
        if filter.run_id:
            found = self._all(
                "SELECT r.first_seq, r.agent FROM runs r CROSS JOIN agents a ON a.n = r.agent"
                " WHERE r.id = ? AND ? IN ('', a.id)",
                (filter.run_id, filter.agent_id),
            )
            if not found:
                return []
            where += ["r.agent = ?", "r.run = ?"]
            bindings = [max(after, found[0][0] - 1), found[0][1], tight(filter.run_id)]
        elif filter.agent_id:
            where.append(f"r.agent = {_N}")
            bindings.append(filter.agent_id)
        if before is not None:
            where.append("r.seq < ?")
            bindings.append(before)
        if filter.types:
            where.append(f"r.type IN ({_marks(filter.types)})")
            bindings += filter.types
        direction = "DESC" if order == "newest" else "ASC"
        sql = f"{RECORD} WHERE {' AND '.join(where)} ORDER BY r.seq {direction} LIMIT ?"
        return [read_record(row) for row in self._all(sql, [*bindings, limit])]

    def runs(self, filter: RunFilter, cursor: str, limit: int) -> Page[RunRow]:
        where = ["1"]
        bindings: list[Any] = []
        if filter.agent_id:
            where.append(f"agent = {_N}")
            bindings.append(filter.agent_id)
        if filter.status:
            where.append(f"status IN ({_marks(filter.status)})")
            bindings += filter.status
            if not {"done", "failed", "cancelled"} & set(filter.status):
                where.append(OPEN)  # lets the index of open runs serve
        if filter.parent:
            where.append("parent = ? AND parent != ''")
            bindings.append(filter.parent)
        if filter.id_prefix:
            where.append("id >= ? AND id < ?")
            bindings += (filter.id_prefix, filter.id_prefix + "\U0010ffff")
        if filter.since:
            where.append("created_at >= ?")
            bindings.append(filter.since)
        if cursor:
            where.append("n < ?")
            bindings.append(int(cursor))
        sql = f"SELECT row, first_seq, n FROM runs WHERE {' AND '.join(where)} ORDER BY n DESC LIMIT ?"
        rows = self._all(sql, [*bindings, limit + 1])
        more = str(rows[limit - 1][2]) if len(rows) > limit else ""
        return Page([read_run(*row[:2]) for row in rows[:limit]], more)

    def counts(self) -> Counts:
        (totals,) = self._all(
            "SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM mail), (SELECT count(*) FROM timers),"
            " (SELECT count(*) FROM dead_letters)"
        )
        runs = self._all(f"SELECT status, count(*) FROM runs WHERE {OPEN} GROUP BY status")
        agents, mail, timers, dead_letters = totals
        return Counts(agents, dict(runs), mail, timers, dead_letters)

    def run_counts(self, agent_id: str) -> dict[RunStatus, int]:
        return dict(self._all(f"SELECT status, count(*) FROM runs WHERE agent = {_N} GROUP BY status", (agent_id,)))

    def agents(self, cursor: str, limit: int) -> Page[AgentRow]:
        rows = self._all(f"{_AGENT} WHERE a.id > ? ORDER BY a.id LIMIT ?", (cursor, limit + 1))
        more = rows[limit - 1][5] if len(rows) > limit else ""
        return Page([read_agent(*row[:5]) for row in rows[:limit]], more)

    def values(self, agent_id: str, prefix: str, cursor: str, limit: int) -> Page[ValueRow]:
        keys, between = _keys(prefix, cursor)
        rows = self._all(f"{_VALUE} WHERE agent = {_KEEPER} AND {keys} LIMIT ?", (agent_id, *between, limit + 1))
        more = rows[limit - 1][0] if len(rows) > limit else ""
        return Page([ValueRow(agent_id, *row) for row in rows[:limit]], more)

    def answers(self, prefix: str, now: int, cursor: str, limit: int) -> Page[Answer]:
        keys, between = _keys(prefix, cursor)
        rows = self._all(
            f"SELECT key, data, at, expires_at FROM answers WHERE +expires_at > ? AND {keys} LIMIT ?",
            (now, *between, limit + 1),
        )
        more = rows[limit - 1][0] if len(rows) > limit else ""
        return Page([Answer(*row) for row in rows[:limit]], more)

    def dead_letters(self, agent_id: str, limit: int) -> list[DeadLetter]:
        rows = self._all(
            f"SELECT envelope, reason, at, data FROM dead_letters WHERE agent = {_N} ORDER BY ordinal DESC LIMIT ?",
            (agent_id, limit),
        )
        return [DeadLetter(agent_id, *row) for row in rows]

    def dead_letter(self, agent_id: str, envelope_id: str) -> DeadLetter | None:
        sql = f"SELECT envelope, reason, at, data FROM dead_letters WHERE agent = {_N} AND envelope = ?"
        rows = self._all(sql, (agent_id, envelope_id))
        return DeadLetter(agent_id, *rows[0]) if rows else None

    def dead_letter_count(self, agent_id: str) -> int:
        return int(self._all(f"SELECT count(*) FROM dead_letters WHERE agent = {_N}", (agent_id,))[0][0])

    def scopes(self, ids: Sequence[str]) -> list[ScopeRow]:
        return [ScopeRow(*row) for id in ids for row in self._all(f"{_SCOPE} WHERE id = ?", (id,))]

    def scopes_like(self, prefix: str, cursor: str, limit: int) -> Page[ScopeRow]:
        ids, between = _keys(prefix, cursor, "id")
        rows = self._all(f"{_SCOPE} WHERE {ids} LIMIT ?", (*between, limit + 1))
        more = rows[limit - 1][0] if len(rows) > limit else ""
        return Page([ScopeRow(*row) for row in rows[:limit]], more)

    def events(self, filter: EventFilter, after: int, before: int | None, limit: int, order: Order) -> list[EventRow]:
        where, bindings = choice(filter)
        if before is not None:
            where += " AND seq < ?"
            bindings.append(before)
        direction = "DESC" if order == "newest" else "ASC"
        sql = f"{_EVENT} WHERE {where} AND seq > ? ORDER BY seq {direction} LIMIT ?"
        return [EventRow(*row) for row in self._all(sql, (*bindings, after, limit))]

    def event(self, id: str) -> EventRow | None:
        rows = self._all(f"{_EVENT} WHERE id = ?", (id,))
        return EventRow(*rows[0]) if rows else None

    def last_event(self) -> int:
        rows = self._all("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return int(rows[0][0]) if rows else 0

    def topics(self, prefix: str, cursor: str, limit: int) -> Page[TopicRow]:
        topics, between = _keys(prefix, cursor, "topic", tail="GROUP BY topic")
        sql = (
            "SELECT t.*, f.at, l.at FROM (SELECT topic, count(*), min(seq) AS first, max(seq) AS last FROM events"
            f" WHERE {topics} LIMIT ?) t JOIN events f ON f.seq = t.first JOIN events l ON l.seq = t.last"
            " ORDER BY t.topic"
        )
        rows = self._all(sql, (*between, limit + 1))
        return Page([TopicRow(*row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else "")

    def mark(self, name: str) -> MarkRow | None:
        rows = self._all(f"{_MARK} WHERE m.name = ?", (name,))
        return MarkRow(*rows[0]) if rows else None

    def marks(self, prefix: str, cursor: str, limit: int) -> Page[MarkRow]:
        names, between = _keys(prefix, cursor, "m.name")
        rows = self._all(f"{_MARK} WHERE {names} LIMIT ?", (*between, limit + 1))
        return Page([MarkRow(*row) for row in rows[:limit]], rows[limit - 1][0] if len(rows) > limit else "")

    def workers(self) -> list[WorkerRow]:
        rows = self._all("SELECT id, heartbeat_at, started_at, pid, host FROM workers ORDER BY id")
        return [WorkerRow(*row) for row in rows]


def read_record(row: Any) -> Record:
    agent_id, run, key, type, at, data, blob, seq, hash, payload = row
    if data is None:
        return Record(agent_id, wide(run), key, type, at, b"", "", seq, hash, None, True)
    return Record(agent_id, wide(run), key, type, at, data, blob or "", seq, hash, payload)


def _keys(prefix: str, cursor: str, column: str = "key", tail: str = "") -> tuple[str, tuple[str, bytes]]:
    """SQL for the values of `column` that begin with `prefix` and come after `cursor`, in order, and its bindings."""
    end = prefix.encode() + b"\xff"  # after all that begins so: no text has a byte FF
    after = ">" if cursor >= prefix else ">="
    return f"{column} {after} ? AND {column} < CAST(? AS TEXT) {tail} ORDER BY {column}", (max(cursor, prefix), end)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
