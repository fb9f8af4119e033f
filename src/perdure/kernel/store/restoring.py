"""How a snapshot comes back into a store, pure: its chain checked, then as operations around its records."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.base.codec import digest_bytes
from perdure.base.errors import InputError
from perdure.kernel.chain import START, link
from perdure.kernel.records import Record

from .ops import (
    Deliver,
    MarkSeen,
    Op,
    PutAgent,
    PutBlob,
    PutDeadLetter,
    PutRun,
    PutSpec,
    PutValue,
    ScopeLimit,
    SetTimer,
)
from .rows import Reservation, ScopeRow
from .scopes import in_period, reserve
from .snapshot import Snapshot


def linked(snapshot: Snapshot) -> list[Record]:
    """The records with their hashes. Raises InputError where one of them, or the agent's row, says otherwise.

    A record without a hash is linked anew. An erased one has nothing that could be: it keeps the hash that it has.
    """
    agent, head, found = snapshot.agent, START, []
    for place, record in enumerate(snapshot.records, 1):
        name = f"record {place} ({record.type})"
        if record.agent_id != agent.id:
            raise _damaged(snapshot, f"{name} is one of agent {record.agent_id!r}")
        if record.seq != place:
            raise _damaged(snapshot, f"{name} is numbered {record.seq}")
        if record.erased and not record.hash:
            raise _damaged(snapshot, f"{name} was erased, and its hash is missing")
        if bool(record.blob) != (record.payload is not None):
            raise _damaged(snapshot, f"{name} names a blob, which is missing, or has one that it does not name")
        if record.payload is not None and digest_bytes(record.payload) != record.blob:
            raise _damaged(snapshot, f"{name} has another blob than it names")
        hash = record.hash if record.erased else link(head, record)
        if record.hash not in (b"", hash):
            raise _damaged(snapshot, f"{name} was changed, or one before it is missing")
        found.append(replace(record, hash=hash))
        head = hash
    if agent.head and (agent.head, agent.records) != (head, len(found)):
        raise _damaged(snapshot, "the last record is not the one that was written last")
    return found


def _damaged(snapshot: Snapshot, what: str) -> InputError:
    return InputError(
        f"agent {snapshot.agent.id!r} cannot be restored: {what}",
        hint="Export it again; nothing was imported.",
        agent_id=snapshot.agent.id,
    )


def before_records(snapshot: Snapshot) -> list[Op]:
    agent = replace(snapshot.agent, owner="")
    specs = [PutSpec(digest, data, agent.created_at) for digest, data in snapshot.specs.items()]
    blobs = [PutBlob(one.blob, one.payload) for one in snapshot.records if one.payload is not None]
    return [*specs, *blobs, PutAgent(agent)]


def after_records(snapshot: Snapshot, first_seq: int) -> list[Op]:
    """What comes once the records are there, the first one as `first_seq`."""
    id, at, offset = snapshot.agent.id, snapshot.agent.updated_at, first_seq - 1
    runs = [
        replace(
            run,
            first_seq=run.first_seq and run.first_seq + offset,
            checkpoint_seq=run.checkpoint_seq and run.checkpoint_seq + offset,
        )
        for run in snapshot.runs
    ]
    return [
        *(PutRun(run) for run in runs),
        *(Deliver(id, known, "", b"", at, taken=True) for known in snapshot.known),
        *(
            Deliver(id, one.envelope_id, one.kind, one.data, at, one.run_id, one.priority, one.expires_at)
            for one in snapshot.mail
        ),
        *(PutDeadLetter(id, one.envelope_id, one.reason, one.at, one.data) for one in snapshot.dead_letters),
        *(SetTimer(timer) for timer in snapshot.timers),
        *([MarkSeen(id, snapshot.seen, len(snapshot.seen))] if snapshot.seen else []),
        *(PutValue(id, one.key, one.data, one.at) for one in snapshot.values),
    ]


def fresh(scope: ScopeRow) -> ScopeRow:
    """A scope as it is put where there was none: what was reserved comes back with the reservations."""
    return replace(scope, reserved=0)


def again(reservation: Reservation, scope_id: str, row: ScopeRow | None) -> ScopeRow | None:
    """The scope with a reservation that it had, None where it has begun a new period since."""
    period = reservation.scopes[scope_id]
    row = in_period(row, ScopeLimit(scope_id, row.limit if row else None, period))
    return reserve(row, reservation.amount) if row.period == period else None
