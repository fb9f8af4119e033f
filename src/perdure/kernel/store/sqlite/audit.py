"""The check of an agent's whole journal: on a connection of its own, as it takes long and others go on meanwhile."""

from __future__ import annotations

from typing import Any

import apsw

from perdure.kernel.chain import check
from perdure.kernel.records import Record
from perdure.kernel.store.refusals import no_agent

from .reader import RECORD, read_record


def audit(connection: apsw.Connection, agent_id: str) -> list[str]:
    """See `Store.verify`. It reads in one transaction, which the caller ends by closing the connection."""
    execute = connection.execute
    execute("BEGIN")
    row = execute("SELECT n, head, records FROM agents WHERE id = ?", (agent_id,)).fetchone()
    if row is None:
        raise no_agent(agent_id)
    n, head, count = row
    kept_runs = {id for (id,) in execute("SELECT id FROM runs WHERE agent = ?", (n,))}
    rows = execute(f"{RECORD} WHERE r.agent = ? ORDER BY r.seq", (n,))
    return check(map(_read, rows), head=head, count=count, kept_runs=kept_runs)


def _read(row: Any) -> Record:
    """The record, whatever types of values somebody put into its columns: SQLite takes text where bytes should be."""
    *first, data, blob, seq, hash, payload = row
    return read_record((*first, _bytes(data), blob and str(blob), seq, _bytes(hash), _bytes(payload)))


def _bytes(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()
