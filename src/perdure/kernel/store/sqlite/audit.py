"""The check of an agent's whole journal: on a connection of its own, as it takes long and others go on meanwhile."""

from __future__ import annotations

import apsw

from perdure.kernel.chain import check
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
    return check((read_record(row) for row in rows), head=head, count=count, kept_runs=kept_runs)
