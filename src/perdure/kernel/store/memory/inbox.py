"""What operations on an agent's mail do to the tables: deliveries, what is known of earlier ones, dead letters."""

from __future__ import annotations

from perdure.kernel.store import ops, refusals
from perdure.kernel.store.ops import DEAD_LETTERS_KEPT, ENVELOPES_KNOWN
from perdure.kernel.store.rows import DeadLetter, Mail

from .tables import Tables


def deliver(tables: Tables, op: ops.Deliver) -> str:
    tables.need(op.agent_id)
    if tables.knows(op.agent_id, op.envelope_id):
        return "duplicate"
    if op.taken:
        _mark(tables, tables.known, op.agent_id, op.envelope_id, ENVELOPES_KNOWN)
        return "delivered"
    inbox = tables.mail.setdefault(op.agent_id, {})
    result = "delivered"
    if op.capacity and not op.run_id:
        waiting = [mail for mail in inbox.values() if not mail.run_id]
        if len(waiting) >= op.capacity:
            if op.policy == "reject_new":
                raise refusals.inbox_full(op.agent_id, op.capacity)
            if op.policy == "dead_letter":
                _bury(tables, DeadLetter(op.agent_id, op.envelope_id, "overflow", op.at, op.data))
                return "dead_lettered"
            oldest = min(waiting, key=lambda mail: mail.seq)
            _bury(tables, DeadLetter(op.agent_id, oldest.envelope_id, "overflow", op.at, oldest.data))
            tables.drop(inbox, oldest.envelope_id)
            result = "dropped_oldest"
    seq = tables.number("mail")
    mail = Mail(seq, op.agent_id, op.envelope_id, op.kind, op.run_id, op.priority, op.expires_at, op.data)
    tables.put(inbox, op.envelope_id, mail)
    return result


def acknowledge(tables: Tables, op: ops.Acknowledge) -> None:
    inbox = tables.mail.get(op.agent_id, {})
    for envelope_id in op.envelope_ids:
        if envelope_id in inbox:
            tables.drop(inbox, envelope_id)
            _mark(tables, tables.known, op.agent_id, envelope_id, ENVELOPES_KNOWN)


def put_dead_letter(tables: Tables, op: ops.PutDeadLetter) -> None:
    tables.need(op.agent_id)
    _bury(tables, DeadLetter(op.agent_id, op.envelope_id, op.reason, op.at, op.data))


def _bury(tables: Tables, letter: DeadLetter) -> None:
    dead = tables.dead.setdefault(letter.agent_id, {})
    newest = max((number for number, _ in dead.values()), default=0) + 1
    tables.put(dead, letter.envelope_id, (newest, letter))
    for envelope_id in [id for id, (number, _) in dead.items() if number <= newest - DEAD_LETTERS_KEPT]:
        tables.drop(dead, envelope_id)


def drop_dead_letter(tables: Tables, op: ops.DropDeadLetter) -> None:
    tables.drop(tables.dead.get(op.agent_id, {}), op.envelope_id)


def mark_seen(tables: Tables, op: ops.MarkSeen) -> None:
    tables.need(op.agent_id)
    for id in op.ids:
        _mark(tables, tables.seen, op.agent_id, id, op.keep)


def _mark(tables: Tables, table: dict[str, dict[str, int]], agent_id: str, id: str, keep: int) -> None:
    marks = table.setdefault(agent_id, {})
    newest = max(marks.values(), default=0) + 1
    tables.put(marks, id, newest)
    for old in [id for id, number in marks.items() if number <= newest - keep]:
        tables.drop(marks, old)
