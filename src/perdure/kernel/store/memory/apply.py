"""What each operation does to the tables, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from perdure.kernel.chain import link
from perdure.kernel.store import ops
from perdure.kernel.store.ops import Op

from . import answers, events, inbox, money, values
from .restore import restore
from .tables import Tables


def apply(tables: Tables, operations: Sequence[Op]) -> list[Any]:
    """Apply one commit's operations in order. Where one fails, the caller rolls back what others changed before."""
    results = _apply_all(tables, operations)
    for run_id in tables.new_runs:
        if run_id in tables.runs:
            number, run = tables.runs[run_id]
            first = tables.first_seqs.get(run_id) or next(reversed(tables.journal.get(run.agent_id, {})), 0)
            tables.put(tables.runs, run_id, (number, replace(run, first_seq=first)))
    return results


def _apply_all(tables: Tables, operations: Sequence[Op]) -> list[Any]:
    return [_APPLY[type(op)](tables, op) for op in operations]


# -- journal, agents, runs --------------------------------------------------------------------------------------------


def _append(tables: Tables, op: ops.Append) -> list[int]:
    agent = tables.need(op.agent_id)
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
    tables.need(op.row.agent_id)
    number, old = tables.runs.get(op.row.id) or (tables.number("run"), None)
    row = op.row
    if old is not None and old.first_seq:
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
    money.retire(tables, ops.Retire((op.run_id,)))


def _drop_run(tables: Tables, run_id: str) -> None:
    _cancel_timer(tables, ops.CancelTimer(run_id))
    for reservation in [held for held in tables.reservations.values() if held.run_id == run_id]:
        money.settle(tables, ops.Settle(reservation.id, 0))
    tables.drop(tables.runs, run_id)


def _delete_agent(tables: Tables, op: ops.DeleteAgent) -> None:
    runs = tuple(row.id for _, row in tables.runs.values() if row.agent_id == op.agent_id)
    for run_id in runs:
        _drop_run(tables, run_id)
    money.retire(tables, ops.Retire(runs))
    money.forget_agent(tables, op.agent_id)
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
    for mark in [mark for mark in tables.marks.values() if mark.agent_id == op.agent_id]:
        tables.drop(tables.marks, mark.name)
    tables.drop(tables.agents, op.agent_id)


def _restore(tables: Tables, op: ops.Restore) -> None:
    restore(tables, op.snapshot, lambda operations: _apply_all(tables, operations))


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
    money.retire_all(tables)
    forgotten, size = answers.collect(tables, op.now)
    freed = {"blobs": 0, "specs": 0, "answers": forgotten, "bytes": size}
    for name, table, used in (("blobs", tables.blobs, blobs), ("specs", tables.specs, specs)):
        for digest in [digest for digest in table if digest not in used]:
            freed[name] += 1
            freed["bytes"] += len(table[digest])
            tables.drop(table, digest)
    return freed


# -- timers, workers --------------------------------------------------------------------------------------------------


def _set_timer(tables: Tables, op: ops.SetTimer) -> None:
    tables.need(op.timer.agent_id)
    tables.put(tables.timers, (op.timer.run_id, op.timer.key), op.timer)


def _cancel_timer(tables: Tables, op: ops.CancelTimer) -> None:
    for run_id, key in [name for name in tables.timers if name[0] == op.run_id and op.key in ("", name[1])]:
        tables.drop(tables.timers, (run_id, key))


def _claim(tables: Tables, op: ops.Claim) -> int:
    agent = tables.need(op.agent_id)
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


_APPLY: dict[type[Op], Callable[[Tables, Any], Any]] = {
    ops.Append: _append,
    ops.PutAgent: _put_agent,
    ops.PutRun: _put_run,
    ops.PutSpec: _put_spec,
    ops.PutBlob: _put_blob,
    ops.Deliver: inbox.deliver,
    ops.Acknowledge: inbox.acknowledge,
    ops.PutDeadLetter: inbox.put_dead_letter,
    ops.DropDeadLetter: inbox.drop_dead_letter,
    ops.SetTimer: _set_timer,
    ops.CancelTimer: _cancel_timer,
    ops.Claim: _claim,
    ops.Unclaim: _unclaim,
    ops.Heartbeat: _heartbeat,
    ops.ForgetWorker: _forget_worker,
    ops.Reserve: money.reserve,
    ops.Settle: money.settle,
    ops.SetLimit: money.set_limit,
    ops.MarkWarned: money.mark_warned,
    ops.Retire: money.retire,
    ops.MarkSeen: inbox.mark_seen,
    ops.PutValue: values.put_value,
    ops.DropValue: values.drop_value,
    ops.Remember: answers.remember,
    ops.ForgetExpired: answers.forget_expired,
    ops.PublishEvent: events.publish,
    ops.TrimEvents: events.trim,
    ops.PutMark: events.put_mark,
    ops.DropMark: events.drop_mark,
    ops.Restore: _restore,
    ops.DeleteRun: _delete_run,
    ops.DeleteAgent: _delete_agent,
    ops.CollectGarbage: _collect_garbage,
}
