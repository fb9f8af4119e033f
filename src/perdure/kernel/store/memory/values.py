"""What operations on the values that an agent keeps do to the tables."""

from __future__ import annotations

from perdure.base.codec import digest_bytes
from perdure.kernel.store import ops, refusals
from perdure.kernel.store.rows import ValueRow

from .tables import Tables


def put_value(tables: Tables, op: ops.PutValue) -> str:
    if op.agent_id:
        tables.need(op.agent_id)
    refusal = refusals.bad_value(op)
    if refusal is not None:
        raise refusal
    op.key.encode()  # text that cannot be stored fails here
    row = ValueRow(op.agent_id, op.key, bytes(op.data), op.at, digest_bytes(op.data))
    tables.put(tables.values.setdefault(op.agent_id, {}), op.key, row)
    return row.digest


def drop_value(tables: Tables, op: ops.DropValue) -> bool:
    kept = tables.values.get(op.agent_id, {})
    found = op.key in kept
    tables.drop(kept, op.key)
    return found
