"""What operations on the values that an agent keeps write."""

from __future__ import annotations

from perdure.base.codec import digest_bytes
from perdure.kernel.store import ops, refusals

from .transaction import Transaction

PROJECT = 0
"""Who keeps the project's own values: agents are numbered from 1."""


def put_value(tx: Transaction, op: ops.PutValue) -> str:
    keeper = tx.need(op.agent_id).n if op.agent_id else PROJECT
    refusal = refusals.bad_value(op)
    if refusal is not None:
        raise refusal
    digest = digest_bytes(op.data)
    tx.execute(
        "INSERT OR REPLACE INTO agent_values (agent, key, at, digest, data) VALUES (?, ?, ?, ?, ?)",
        (keeper, op.key, op.at, digest, op.data),
    )
    return digest


def drop_value(tx: Transaction, op: ops.DropValue) -> bool:
    keeper = keeper_of(tx, op.agent_id)
    if keeper is None:
        return False
    tx.execute("DELETE FROM agent_values WHERE agent = ? AND key = ?", (keeper, op.key))
    return tx.connection.changes() > 0


def find_digest(tx: Transaction, agent_id: str, key: str) -> str | None:
    row = tx.one("SELECT digest FROM agent_values WHERE agent = ? AND key = ?", (keeper_of(tx, agent_id), key))
    return row[0] if row else None


def keeper_of(tx: Transaction, agent_id: str) -> int | None:
    """The number that an agent's values are kept under, None where there is no such agent."""
    if not agent_id:
        return PROJECT
    agent = tx.agent(agent_id)
    return None if agent is None else agent.n
