"""What each operation does to the tables, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from perdure.kernel.chain import link
from perdure.kernel.store import ops, refusals, scopes
from perdure.kernel.store.ops import DEAD_LETTERS_KEPT, ENVELOPES_KNOWN, Op
from perdure.kernel.store.rows import AgentRow, DeadLetter, Mail, Reservation

from . import answers, values
from .tables import Tables


def apply(tables: Tables, operations: Sequence[Op]) -> list[Any]:
    """Apply one commit's operations in order. Where one fails, the caller rolls back what others changed before."""
    results = [_APPLY[type(op)](tables, op) for op in operations]
    for run_id in tables.new_runs:
        if run_id in tables.runs:
            number, run = tables.runs[run_id]
            first = tables.first_seqs.get(run_id) or next(reversed(tables.journal.get(run.agent_id, {})), 0)
            tables.put(tables.runs, run_id, (number, replace(run, first_seq=first)))
    return results


def _agent(tables: Tables, agent_id: str) -> AgentRow:
    agent = tables.agents.get(agent_id)
    if agent is None:
        raise refusals.no_agent(agent_id)
    return agent


# -- journal, agents, runs --------------------------------------------------------------------------------------------


def _append(tables: Tables, op: ops.Append) -> list[int]:
    agent = _agent(tables, op.agent_id)
    journal = tables.journal.setdefault(op.agent_id, {})
    head, seqs = agent.head, []
    for record in op.records:
        if record.agent_id != op.agent_id:
            raise ValueError(f"a record of agent {record.agent_id!r} in the journal of {op.agent_id!r}")
        head = link(head, record)
        seq = tables.number("record")
        tables.put(journal, seq, replace(record, seq=seq, hash=head, payload=None, erased=False))
        tables.put(tables.order, seq, op.agent_id)
        tables.first_seqs.setdefault(record.run_id, seq)
        seqs.append(seq)
    tables.put(tables.agents, op.agent_id, replace(agent, head=head, records=agent.records + len(seqs)))
    return seqs


def _put_agent(tables: Tables, op: ops.PutAgent) -> None:
    old = tables.agents.get(op.row.id)
    row = replace(op.row, head=b"", records=0)
    if old:
        row = replace(row, owner=old.owner, fence=old.fence, head=old.head, records=old.records)
    tables.put(tables.agents, row.id, row)


def _put_run(tables: Tables, op: ops.PutRun) -> None:
    _agent(tables, op.row.agent_id)
    number, old = tables.runs.get(op.row.id) or (tables.number("run"), None)
    row = op.row
    if not row.first_seq and old:
        row = replace(row, first_seq=old.first_seq)
    elif not row.first_seq:
        tables.new_runs.append(row.id)
    tables.put(tables.runs, row.id, (number, row))


def _delete_run(tables: Tables, op: ops.DeleteRun) -> None:
    if op.run_id not in tables.runs:
        return
    run = tables.runs[op.run_id][1]
    journal = tables.journal.get(run.agent_id, {})
    for record in list(journal.values()):
        if record.run_id == op.run_id and record.seq >= run.first_seq:
            tables.put(journal, record.seq, replace(record, data=b"", blob="", erased=True))
    _drop_run(tables, op.run_id)


def _drop_run(tables: Tables, run_id: str) -> None:
    _cancel_timer(tables, ops.CancelTimer(run_id))
    for reservation in [held for held in tables.reservations.values() if held.run_id == run_id]:
        _settle(tables, ops.Settle(reservation.id, 0))
    tables.drop(tables.runs, run_id)


def _delete_agent(tables: Tables, op: ops.DeleteAgent) -> None:
    for run_id in [row.id for _, row in tables.runs.values() if row.agent_id == op.agent_id]:
        _drop_run(tables, run_id)
    for timer in [timer for timer in tables.timers.values() if timer.agent_id == op.agent_id]:
        tables.drop(tables.timers, (timer.run_id, timer.key))
    for seq in tables.journal.get(op.agent_id, ()):
        tables.drop(tables.order, seq)
    tables.drop(tables.journal, op.agent_id)
    tables.drop(tables.mail, op.agent_id)
    tables.drop(tables.known, op.agent_id)
    tables.drop(tables.seen, op.agent_id)
    tables.drop(tables.dead, op.agent_id)
    tables.drop(tables.values, op.agent_id)
    tables.drop(tables.agents, op.agent_id)


# -- specs, blobs -----------------------------------------------------------------------------------------------------


def _put_spec(tables: Tables, op: ops.PutSpec) -> None:
    if op.digest not in tables.specs:
        tables.put(tables.specs, op.digest, op.data)


def _put_blob(tables: Tables, op: ops.PutBlob) -> None:
    if op.digest not in tables.blobs:
        tables.put(tables.blobs, op.digest, op.data)


def _collect_garbage(tables: Tables, op: ops.CollectGarbage) -> dict[str, int]:
    blobs = {record.blob for journal in tables.journal.values() for record in journal.values()}
    specs = {agent.spec for agent in tables.agents.values()} | {run.spec for _, run in tables.runs.values()}
    forgotten, size = answers.collect(tables, op.now)
    freed = {"blobs": 0, "specs": 0, "answers": forgotten, "bytes": size}
    for name, table, used in (("blobs", tables.blobs, blobs), ("specs", tables.specs, specs)):
        for digest in [digest for digest in table if digest not in used]:
            freed[name] += 1
            freed["bytes"] += len(table[digest])
            tables.drop(table, digest)
    return freed


# -- mail -------------------------------------------------------------------------------------------------------------


def _deliver(tables: Tables, op: ops.Deliver) -> str:
    _agent(tables, op.agent_id)
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


def _acknowledge(tables: Tables, op: ops.Acknowledge) -> None:
    inbox = tables.mail.get(op.agent_id, {})
    for envelope_id in op.envelope_ids:
        if envelope_id in inbox:
            tables.drop(inbox, envelope_id)
            _mark(tables, tables.known, op.agent_id, envelope_id, ENVELOPES_KNOWN)


def _put_dead_letter(tables: Tables, op: ops.PutDeadLetter) -> None:
    _agent(tables, op.agent_id)
    _bury(tables, DeadLetter(op.agent_id, op.envelope_id, op.reason, op.at, op.data))


def _bury(tables: Tables, letter: DeadLetter) -> None:
    dead = tables.dead.setdefault(letter.agent_id, {})
    newest = max((number for number, _ in dead.values()), default=0) + 1
    tables.put(dead, letter.envelope_id, (newest, letter))
    for envelope_id in [id for id, (number, _) in dead.items() if number <= newest - DEAD_LETTERS_KEPT]:
        tables.drop(dead, envelope_id)


def _drop_dead_letter(tables: Tables, op: ops.DropDeadLetter) -> None:
    tables.drop(tables.dead.get(op.agent_id, {}), op.envelope_id)


def _mark_seen(tables: Tables, op: ops.MarkSeen) -> None:
    _agent(tables, op.agent_id)
    for id in op.ids:
        _mark(tables, tables.seen, op.agent_id, id, op.keep)


def _mark(tables: Tables, table: dict[str, dict[str, int]], agent_id: str, id: str, keep: int) -> None:
    marks = table.setdefault(agent_id, {})
    newest = max(marks.values(), default=0) + 1
    tables.put(marks, id, newest)
    for old in [id for id, number in marks.items() if number <= newest - keep]:
        tables.drop(marks, old)


# -- timers, workers --------------------------------------------------------------------------------------------------


def _set_timer(tables: Tables, op: ops.SetTimer) -> None:
    _agent(tables, op.timer.agent_id)
    tables.put(tables.timers, (op.timer.run_id, op.timer.key), op.timer)


def _cancel_timer(tables: Tables, op: ops.CancelTimer) -> None:
    for run_id, key in [name for name in tables.timers if name[0] == op.run_id and op.key in ("", name[1])]:
        tables.drop(tables.timers, (run_id, key))


def _claim(tables: Tables, op: ops.Claim) -> int:
    agent = _agent(tables, op.agent_id)
    tables.put(tables.agents, agent.id, replace(agent, owner=op.worker, fence=agent.fence + 1))
    return agent.fence + 1


def _unclaim(tables: Tables, op: ops.Unclaim) -> bool:
    agent = tables.agents.get(op.agent_id)
    if agent is None or agent.owner != op.worker:
        return True
    if op.last_mail is not None and any(one.seq > op.last_mail for one in tables.mail.get(agent.id, {}).values()):
        return False
    tables.put(tables.agents, agent.id, replace(agent, owner=""))
    return True


def _heartbeat(tables: Tables, op: ops.Heartbeat) -> bool:
    renewed = op.row.id in tables.workers
    tables.put(tables.workers, op.row.id, op.row)
    return renewed


def _forget_worker(tables: Tables, op: ops.ForgetWorker) -> None:
    tables.drop(tables.workers, op.worker)


# -- money ------------------------------------------------------------------------------------------------------------


def _reserve(tables: Tables, op: ops.Reserve) -> None:
    if op.id in tables.reservations:
        return
    periods: dict[str, int] = {}
    for scope in op.scopes:
        if scope.id in periods:
            continue
        row = scopes.reserve(scopes.in_period(tables.scopes.get(scope.id), scope), op.amount)
        tables.put(tables.scopes, row.id, row)
        periods[row.id] = row.period
    tables.put(tables.reservations, op.id, Reservation(op.id, op.run_id, op.amount, periods))


def _settle(tables: Tables, op: ops.Settle) -> bool:
    reservation = tables.reservations.get(op.id)
    if reservation is None:
        return False
    for scope_id, period in reservation.scopes.items():
        row = tables.scopes[scope_id]
        if row.period == period:
            tables.put(tables.scopes, scope_id, scopes.settle(row, reservation.amount, op.spent))
    tables.drop(tables.reservations, op.id)
    return True


_APPLY: dict[type[Op], Callable[[Tables, Any], Any]] = {
    ops.Append: _append,
    ops.PutAgent: _put_agent,
    ops.PutRun: _put_run,
    ops.PutSpec: _put_spec,
    ops.PutBlob: _put_blob,
    ops.Deliver: _deliver,
    ops.Acknowledge: _acknowledge,
    ops.PutDeadLetter: _put_dead_letter,
    ops.DropDeadLetter: _drop_dead_letter,
    ops.SetTimer: _set_timer,
    ops.CancelTimer: _cancel_timer,
    ops.Claim: _claim,
    ops.Unclaim: _unclaim,
    ops.Heartbeat: _heartbeat,
    ops.ForgetWorker: _forget_worker,
    ops.Reserve: _reserve,
    ops.Settle: _settle,
    ops.MarkSeen: _mark_seen,
    ops.PutValue: values.put_value,
    ops.DropValue: values.drop_value,
    ops.Remember: answers.remember,
    ops.ForgetExpired: answers.forget_expired,
    ops.DeleteRun: _delete_run,
    ops.DeleteAgent: _delete_agent,
    ops.CollectGarbage: _collect_garbage,
}
