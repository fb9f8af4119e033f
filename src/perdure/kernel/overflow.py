"""A bounded inbox: which message gives way when it is full, and how the run that it was to begin ends on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import InboxFull, VersionConflict

from . import records as r
from .failures import told
from .journal import encode
from .outgoing import accept, append, reply
from .program import Program
from .store.ops import Acknowledge, Deliver, Guard, NewEnvelope, Op, PutDeadLetter, PutRun, RunIs
from .store.port import Store
from .store.rows import RunRow


class Admitted(msgspec.Struct, frozen=True):
    """`run` is the newcomer's; `lost` the run that was given up for want of room (it may be the same), with `error`."""

    run: RunRow
    lost: RunRow | None = None
    error: dict[str, Any] | None = None


class _Victim(msgspec.Struct, frozen=True):
    run: RunRow
    envelope_id: str
    data: bytes


async def admit(
    store: Store, envelope: Envelope, run: RunRow, program: Program, *, keep: Sequence[Op], now: int
) -> Admitted:
    """Put a message into its agent's inbox with the queued run that it is to begin, in one commit with `keep`.

    Where there is no room the program's policy says which message goes to the dead letters; its run ends as failed.
    Raises InboxFull (reject_new), and KeyExists for an envelope that the agent has had.
    """
    guard = NewEnvelope(run.agent_id, envelope.id)
    accepted = accept(envelope, run, now=now, tools=program.tools, capacity=program.capacity)
    victim: _Victim | None = None
    while True:
        try:
            if victim is None:
                await store.commit([*keep, *accepted], (guard,))
                return Admitted(run)
            return await _instead(store, victim, run, [*keep, *accepted], guard, now)
        except InboxFull:
            if program.policy == "reject_new":
                raise
            oldest = await _oldest(store, run.agent_id, program.capacity) if program.policy == "drop_oldest" else None
            victim = oldest or _Victim(run, envelope.id, pack(envelope))
        except VersionConflict:  # the oldest has begun meanwhile, so that there may be room
            victim = None


async def _instead(
    store: Store, victim: _Victim, run: RunRow, accepted: Sequence[Op], guard: Guard, now: int
) -> Admitted:
    """Accept the newcomer with the victim pushed out, or turned away where it is the newcomer itself."""
    ops, lost, error = _give_up(victim, now)
    if victim.run is run:
        stays = [op for op in accepted if not isinstance(op, (Deliver, PutRun))]
        await store.commit([*stays, *ops], (guard,))
        return Admitted(lost, lost, error)
    taken = Acknowledge(run.agent_id, (victim.envelope_id,))
    await store.commit([taken, *ops, *accepted], (guard, RunIs(lost.id, ("queued",))))
    return Admitted(run, lost, error)


async def _oldest(store: Store, agent_id: str, capacity: int) -> _Victim | None:
    """The message that has waited longest to begin a run of its own."""
    waiting = [one for one in await store.mail(agent_id, 2 * capacity + 64) if not one.run_id]
    for one in sorted(waiting, key=lambda mail: mail.seq):
        run = await store.find_run(agent_id, one.envelope_id)
        if run is not None and run.status == "queued":
            return _Victim(run, one.envelope_id, one.data)
    return None


def _give_up(victim: _Victim, now: int) -> tuple[list[Op], RunRow, dict[str, Any]]:
    run = victim.run
    error, body = told(InboxFull(f"the inbox of {run.agent_id} was full, and this message gave way", run_id=run.id))
    events: tuple[r.Event, ...] = (
        r.MessageDropped(envelope=victim.envelope_id, reason="overflow"),
        r.RunFinished(status="failed", body=body),
    )
    records = [encode(event, agent_id=run.agent_id, run_id=run.id, key="", at=now) for event in events]
    lost = msgspec.structs.replace(run, status="failed", finished_at=now)
    letter = PutDeadLetter(run.agent_id, victim.envelope_id, "overflow", now, victim.data)
    ops: list[Op] = [letter, *append(run.agent_id, records), PutRun(lost), *reply(lost, None, error, now=now)]
    return ops, lost, error
