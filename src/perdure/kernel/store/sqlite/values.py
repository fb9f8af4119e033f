"""What operations on the values that an agent keeps write."""

from __future__ import annotations

from perdure.base.codec import digest_bytes
from perdure.kernel.store import ops, refusals

from .transaction import Transaction


def put_value(tx: Transaction, op: ops.PutValue) -> str:
    agent = tx.need(op.agent_id)
    refusal = refusals.bad_value(op)
    if refusal is not None:
        raise refusal
    digest = digest_bytes(op.data)
    tx.execute(
        "INSERT OR REPLACE INTO agent_values (agent, key, at, digest, data) VALUES (?, ?, ?, ?, ?)",
        (agent.n, op.key, op.at, digest, op.data),
    )
    return digest


def drop_value(tx: Transaction, op: ops.DropValue) -> bool:
    agent = tx.agent(op.agent_id)
    if agent is None:
        return False
    tx.execute("DELETE FROM agent_values WHERE agent = ? AND key = ?", (agent.n, op.key))
    return tx.connection.changes() > 0
