"""What operations on an agent's mail write: deliveries, what is known of earlier ones, dead letters."""

from __future__ import annotations

from perdure.kernel.store import ops, refusals
from perdure.kernel.store.ops import DEAD_LETTERS_KEPT, ENVELOPES_KNOWN

from .insert import Insert
from .transaction import Agent, Transaction

_KNOWN = Insert("known", "agent, space, id, ordinal", verb="INSERT OR REPLACE")
_ENVELOPES, _SEEN = 0, 1  # the spaces of ids in `known`


def deliver(tx: Transaction, op: ops.Deliver) -> str:
    agent = tx.need(op.agent_id)
    n = agent.n
    if not agent.is_blank and tx.knows(n, op.envelope_id):
        return "duplicate"
    if op.taken:
        _mark(tx, agent, _ENVELOPES, op.envelope_id, ENVELOPES_KNOWN)
        return "delivered"
    result = "delivered"
    if op.capacity and not op.run_id and _is_full(tx, n, op.capacity):
        if op.policy == "reject_new":
            raise refusals.inbox_full(op.agent_id, op.capacity)
        if op.policy == "dead_letter":
            _bury(tx, n, op.envelope_id, "overflow", op.at, op.data)
            return "dead_lettered"
        seq, envelope_id, data = tx.one(
            "SELECT seq, envelope, data FROM mail WHERE agent = ? AND run_id = '' ORDER BY seq LIMIT 1", (n,)
        )
        _bury(tx, n, envelope_id, "overflow", op.at, data)
        tx.execute("DELETE FROM mail WHERE seq = ?", (seq,))
        result = "dropped_oldest"
    tx.execute(
        "INSERT INTO mail (agent, envelope, kind, run_id, priority, expires_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (n, op.envelope_id, op.kind, op.run_id, op.priority, op.expires_at, op.data),
    )
    agent.newest_mail = tx.connection.last_insert_rowid()
    agent.is_blank = False
    return result


def _is_full(tx: Transaction, n: int, capacity: int) -> bool:
    waiting = tx.one("SELECT count(*) FROM (SELECT 1 FROM mail WHERE agent = ? AND run_id = '' LIMIT ?)", (n, capacity))
    return bool(waiting[0] >= capacity)


def acknowledge(tx: Transaction, op: ops.Acknowledge) -> None:
    agent = tx.agent(op.agent_id)
    if agent is None:
        return
    for envelope_id in op.envelope_ids:
        tx.execute("DELETE FROM mail WHERE agent = ? AND envelope = ?", (agent.n, envelope_id))
        if tx.connection.changes():
            _mark(tx, agent, _ENVELOPES, envelope_id, ENVELOPES_KNOWN)


def mark_seen(tx: Transaction, op: ops.MarkSeen) -> None:
    agent = tx.need(op.agent_id)
    for id in op.ids:
        _mark(tx, agent, _SEEN, id, op.keep)


def _mark(tx: Transaction, agent: Agent, space: int, id: str, keep: int) -> None:
    n, newest = agent.n, 1
    if not agent.is_blank:
        (newest,) = tx.one("SELECT coalesce(max(ordinal), 0) + 1 FROM known WHERE agent = ? AND space = ?", (n, space))
    agent.is_blank = False
    tx.later(_KNOWN, (n, space, id, newest))
    if newest > keep:
        tx.execute("DELETE FROM known WHERE agent = ? AND space = ? AND ordinal <= ?", (n, space, newest - keep))


def put_dead_letter(tx: Transaction, op: ops.PutDeadLetter) -> None:
    _bury(tx, tx.need(op.agent_id).n, op.envelope_id, op.reason, op.at, op.data)


def _bury(tx: Transaction, n: int, envelope_id: str, reason: str, at: int, data: bytes) -> None:
    (newest,) = tx.one("SELECT coalesce(max(ordinal), 0) + 1 FROM dead_letters WHERE agent = ?", (n,))
    tx.execute(
        "INSERT OR REPLACE INTO dead_letters (agent, envelope, ordinal, reason, at, data) VALUES (?, ?, ?, ?, ?, ?)",
        (n, envelope_id, newest, reason, at, data),
    )
    if newest > DEAD_LETTERS_KEPT:
        tx.execute("DELETE FROM dead_letters WHERE agent = ? AND ordinal <= ?", (n, newest - DEAD_LETTERS_KEPT))


def drop_dead_letter(tx: Transaction, op: ops.DropDeadLetter) -> None:
    agent = tx.agent(op.agent_id)
    if agent:
        tx.execute("DELETE FROM dead_letters WHERE agent = ? AND envelope = ?", (agent.n, op.envelope_id))
