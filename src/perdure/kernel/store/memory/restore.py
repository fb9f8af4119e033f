"""How a snapshot comes back into the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from perdure.kernel.store import refusals, restoring
from perdure.kernel.store.ops import Op
from perdure.kernel.store.snapshot import Snapshot

from .tables import Tables


def restore(tables: Tables, snapshot: Snapshot, apply: Callable[[Sequence[Op]], object]) -> None:
    """Put the snapshot back; `apply` does the operations around its records."""
    agent = snapshot.agent
    if agent.id in tables.agents:
        raise refusals.agent_exists(agent.id)
    for run in snapshot.runs:
        if run.id in tables.runs:
            raise refusals.run_exists(run.id)
    for timer in snapshot.timers:
        if (timer.run_id, timer.key) in tables.timers:
            raise refusals.timer_exists(timer)
    records = restoring.linked(snapshot)
    apply(restoring.before_records(snapshot))
    journal = tables.journal.setdefault(agent.id, {})
    first_seq = tables.last.get("record", 0) + 1
    for record in records:
        seq = tables.number("record")
        tables.put(journal, seq, replace(record, seq=seq, payload=None))
        tables.put(tables.order, seq, agent.id)
    head = records[-1].hash if records else b""
    tables.put(tables.agents, agent.id, replace(tables.agents[agent.id], head=head, records=len(records)))
    apply(restoring.after_records(snapshot, first_seq))
    for scope in snapshot.scopes:
        if scope.id not in tables.scopes:
            tables.put(tables.scopes, scope.id, restoring.fresh(scope))
    for reservation in snapshot.reservations:
        if reservation.id in tables.reservations:
            continue
        tables.put(tables.reservations, reservation.id, reservation)
        for scope_id in reservation.scopes:
            row = restoring.again(reservation, scope_id, tables.scopes.get(scope_id))
            if row:
                tables.put(tables.scopes, scope_id, row)
