"""All that the file holds of one agent: on a connection of its own, in one transaction, so that it fits together."""

from __future__ import annotations

import apsw

from perdure.base.codec import unpack
from perdure.kernel.store.refusals import no_agent
from perdure.kernel.store.rows import Reservation, ValueRow
from perdure.kernel.store.snapshot import Snapshot, numbered, specs_named

from .packing import read_run
from .reader import RECORD, Reader, read_record

_ALL = -1  # a LIMIT that is none


def snapshot(connection: apsw.Connection, agent_id: str) -> Snapshot:
    """See `Store.snapshot`. The caller ends the transaction by closing the connection."""
    execute, reader = connection.execute, Reader(connection)
    execute("BEGIN")
    agent = reader.agent(agent_id)
    if agent is None:
        raise no_agent(agent_id)
    n = execute("SELECT n FROM agents WHERE id = ?", (agent_id,)).get
    runs = [read_run(*row) for row in execute("SELECT row, first_seq FROM runs WHERE agent = ? ORDER BY n", (n,))]
    values = execute("SELECT key, data, at, digest FROM agent_values WHERE agent = ? ORDER BY key", (n,))
    held = execute(
        "SELECT id, run_id, amount, scopes FROM reservations"
        " WHERE run_id IN (SELECT id FROM runs WHERE agent = ?) ORDER BY id",
        (n,),
    )
    ids = "SELECT id FROM known WHERE agent = ? AND space = ? ORDER BY ordinal"
    specs = {digest: reader.spec(digest) for digest in specs_named(agent, runs)}
    return numbered(
        Snapshot(
            agent,
            {digest: data for digest, data in specs.items() if data is not None},
            tuple(runs),
            tuple(read_record(row) for row in execute(f"{RECORD} WHERE r.agent = ? ORDER BY r.seq", (n,))),
            tuple(reader.mail(agent_id, _ALL)),
            tuple(id for (id,) in execute(ids, (n, 0))),
            tuple(id for (id,) in execute(ids, (n, 1))),
            tuple(reversed(reader.dead_letters(agent_id, _ALL))),
            tuple(reader.timers(agent_id)),
            tuple(ValueRow(agent_id, *row) for row in values),
            tuple(Reservation(id, run_id, amount, unpack(scopes)) for id, run_id, amount, scopes in held),
        )
    )
