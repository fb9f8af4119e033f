"""What each operation writes, inside the writer's transaction, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perdure.base.lazy import load
from perdure.kernel.chain import link
from perdure.kernel.store import ops
from perdure.kernel.store.ops import Op
from perdure.kernel.store.rows import RESTING

from . import answers, events, inbox, money, values
from .insert import Insert
from .packing import pack_row, tight
from .transaction import RECORDS, Transaction

RESTORE = "perdure.kernel.store.sqlite.restore:restore"

_RUNS = Insert(
    "runs",
    "id, agent, status, parent, envelope, created_at, first_seq, spec, row",
    conflict="ON CONFLICT (id) DO UPDATE SET status = excluded.status, spec = excluded.spec, row = excluded.row,"
    " first_seq = iif(first_seq, first_seq, excluded.first_seq)",
)
_AGENT_ROWS = Insert("agent_rows", "agent, spec, row, rests", verb="INSERT OR REPLACE")
_SPECS = Insert("specs", "digest, at, data", verb="INSERT OR IGNORE")
_BLOBS = Insert("blobs", "digest, data", verb="INSERT OR IGNORE")


def apply(tx: Transaction, operations: Sequence[Op]) -> list[Any]:
    """Apply one commit's operations in order. Where one fails, the caller undoes what others wrote before."""
    results: list[Any] = []
    for op in operations:  # no comprehension, here and below: each is a function that is made, called and thrown away
        results.append(_APPLY[type(op)](tx, op))
    for run_id, n in tx.new_runs:
        first = tx.first_seqs.get(run_id)
        if first is None:
            first = tx.one("SELECT coalesce(max(seq), 0) FROM records WHERE agent = ?", (n,))[0]
        tx.execute("UPDATE runs SET first_seq = ? WHERE id = ? AND first_seq = 0", (first, run_id))
    return results


# -- journal, agents, runs --------------------------------------------------------------------------------------------


def _append(tx: Transaction, op: ops.Append) -> list[int]:
    agent_id = op.agent_id
    agent = tx.need(agent_id)
    n, head, seqs = agent.n, agent.head, list(range(tx.next_seq, tx.next_seq + len(op.records)))
    for seq, record in zip(seqs, op.records, strict=True):
        if record.agent_id != agent_id:
            raise ValueError(f"a record of agent {record.agent_id!r} in the journal of {agent_id!r}")
        head, run_id = link(head, record), record.run_id
        tx.later(
            RECORDS,
            (seq, n, tight(run_id), record.key, record.type, record.at, head, record.blob or None, record.data),
        )
        tx.first_seqs.setdefault(run_id, seq)
    agent.head = head
    agent.records += len(seqs)
    tx.next_seq += len(seqs)
    tx.moved(agent)
    return seqs


def _put_agent(tx: Transaction, op: ops.PutAgent) -> None:
    row = op.row
    agent = tx.agent(row.id) or tx.add_agent(row.id, row.owner, row.fence)
    tx.later(_AGENT_ROWS, (agent.n, row.spec, pack_row(row), row.status in RESTING))


def _put_run(tx: Transaction, op: ops.PutRun) -> None:
    row = op.row
    n = tx.need(row.agent_id).n
    first = row.first_seq or tx.first_seqs.get(row.id, 0)
    tx.later(
        _RUNS,
        (row.id, n, row.status, row.parent, row.envelope_id, row.created_at, first, row.spec, pack_row(row)),
    )
    if not first:
        tx.new_runs.append((row.id, n))


def _delete_run(tx: Transaction, op: ops.DeleteRun) -> None:
    tx.execute(
        "UPDATE records SET data = NULL, blob = NULL FROM runs"
        " WHERE runs.id = ?1 AND records.agent = runs.agent AND records.seq >= runs.first_seq AND records.run = ?2",
        (op.run_id, tight(op.run_id)),
    )
    if tx.one("SELECT 1 FROM runs WHERE id = ?", (op.run_id,)):
        money.give_back(tx, "SELECT ?", op.run_id)
        tx.execute("DELETE FROM timers WHERE run_id = ?", (op.run_id,))
        tx.execute("DELETE FROM runs WHERE id = ?", (op.run_id,))
        money.retire(tx, ops.Retire((op.run_id,)))


def _delete_agent(tx: Transaction, op: ops.DeleteAgent) -> None:
    agent = tx.agent(op.agent_id)
    if agent is None:
        return
    of_agent = (agent.n,)
    runs: list[Any] = tx.execute("SELECT id FROM runs WHERE agent = ?", of_agent).fetchall()
    money.give_back(tx, "SELECT id FROM runs WHERE agent = ?", agent.n)
    money.forget_agent(tx, op.agent_id)
    tx.execute("DELETE FROM timers WHERE agent = ?1 OR run_id IN (SELECT id FROM runs WHERE agent = ?1)", of_agent)
    for table in ("agent_rows", "records", "runs", "mail", "known", "dead_letters", "agent_values", "marks"):
        tx.execute(f"DELETE FROM {table} WHERE agent = ?", of_agent)
    money.retire(tx, ops.Retire(tuple(id for (id,) in runs)))
    tx.execute("DELETE FROM agents WHERE n = ?", of_agent)
    tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('floor', ?)", (tx.next_seq - 1,))
    tx.forget(op.agent_id)


def _restore(tx: Transaction, op: ops.Restore) -> None:
    load(RESTORE)(tx, op.snapshot, lambda operations: [_APPLY[type(one)](tx, one) for one in operations])


# -- specs, blobs -----------------------------------------------------------------------------------------------------


def _put_spec(tx: Transaction, op: ops.PutSpec) -> None:
    tx.later(_SPECS, (op.digest, op.at, op.data))


def _put_blob(tx: Transaction, op: ops.PutBlob) -> None:
    tx.later(_BLOBS, (op.digest, op.data))


def _collect_garbage(tx: Transaction, op: ops.CollectGarbage) -> dict[str, int]:
    money.retire_all(tx)
    forgotten, size = answers.collect(tx, op.now)
    freed = {"blobs": 0, "specs": 0, "answers": forgotten, "bytes": size}
    for table, used in (
        ("blobs", "SELECT blob FROM records WHERE blob IS NOT NULL"),
        ("specs", "SELECT spec FROM agent_rows UNION SELECT spec FROM runs"),
    ):
        unused = f"FROM {table} WHERE digest NOT IN ({used})"
        count, size = tx.one(f"SELECT count(*), coalesce(sum(length(data)), 0) {unused}")
        tx.execute(f"DELETE {unused}")
        freed[table] = count
        freed["bytes"] += size
    return freed


# -- timers, workers --------------------------------------------------------------------------------------------------


def _set_timer(tx: Transaction, op: ops.SetTimer) -> None:
    timer = op.timer
    tx.execute(
        "INSERT OR REPLACE INTO timers (run_id, key, agent, due) VALUES (?, ?, ?, ?)",
        (timer.run_id, timer.key, tx.need(timer.agent_id).n, timer.due),
    )


def _cancel_timer(tx: Transaction, op: ops.CancelTimer) -> None:
    if op.key:
        tx.execute("DELETE FROM timers WHERE run_id = ? AND key = ?", (op.run_id, op.key))
    else:
        tx.execute("DELETE FROM timers WHERE run_id = ?", (op.run_id,))


def _claim(tx: Transaction, op: ops.Claim) -> int:
    agent = tx.need(op.agent_id)
    agent.owner = op.worker
    agent.fence += 1
    tx.moved(agent)
    return agent.fence


def _unclaim(tx: Transaction, op: ops.Unclaim) -> bool:
    agent = tx.agent(op.agent_id)
    if agent is None or agent.owner != op.worker:
        return True
    if op.last_mail is not None and (agent.newest_mail is None or agent.newest_mail > op.last_mail):
        newer = "SELECT 1 FROM mail WHERE agent = ? AND seq > ? LIMIT 1"
        if tx.one(newer, (agent.n, op.last_mail)):
            return False
    agent.owner = ""
    tx.moved(agent)
    return True


def _heartbeat(tx: Transaction, op: ops.Heartbeat) -> bool:
    row = op.row
    known = tx.one("SELECT 1 FROM workers WHERE id = ?", (row.id,)) is not None
    if not known or not tx.locks.holds(row.id):
        tx.locks.take(row.id)
    tx.execute(
        "INSERT OR REPLACE INTO workers (id, heartbeat_at, started_at, pid, host) VALUES (?, ?, ?, ?, ?)",
        (row.id, row.heartbeat_at, row.started_at, row.pid, row.host or tx.host),
    )
    return known


def _forget_worker(tx: Transaction, op: ops.ForgetWorker) -> None:
    tx.execute("DELETE FROM workers WHERE id = ?", (op.worker,))


_APPLY: dict[type[Op], Callable[[Transaction, Any], Any]] = {
    ops.Append: _append,
    ops.PutAgent: _put_agent,
    ops.PutRun: _put_run,
    ops.PutSpec: _put_spec,
    ops.PutBlob: _put_blob,
    ops.Deliver: inbox.deliver,
    ops.Acknowledge: inbox.acknowledge,
    ops.PutDeadLetter: inbox.put_dead_letter,
    ops.DropDeadLetter: inbox.drop_dead_letter,
    ops.MarkSeen: inbox.mark_seen,
    ops.PutValue: values.put_value,
    ops.DropValue: values.drop_value,
    ops.Remember: answers.remember,
    ops.ForgetExpired: answers.forget_expired,
    ops.PublishEvent: events.publish,
    ops.TrimEvents: events.trim,
    ops.PutMark: events.put_mark,
    ops.DropMark: events.drop_mark,
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
    ops.Restore: _restore,
    ops.DeleteRun: _delete_run,
    ops.DeleteAgent: _delete_agent,
    ops.CollectGarbage: _collect_garbage,
}
