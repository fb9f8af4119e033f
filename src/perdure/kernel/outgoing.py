"""Mail on its way: what accepting a message writes, for a message from outside as for one from another run."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope

from . import records as r
from .journal import encode
from .store.ops import Append, Deliver, Op, PutAgent, PutBlob, PutDeadLetter, PutRun
from .store.rows import AgentRow, RunRow

CAPACITY = 1024
"""How many messages of other agents wait for one at most; what is more goes to its dead letters."""
FIRST = -1
"""The priority of what speaks to a run under way."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """An envelope, and where it is to begin a child run, what that is a run of (see `Programs.find`), and its id.
    With `ops` it is not delivered now: they are committed instead, as those of a schedule."""

    envelope: Envelope
    target: Any = None
    run_id: str = ""
    ops: tuple[Op, ...] = ()

    @property
    def is_letter(self) -> bool:
        """Whether its sender waits for nothing that comes of it."""
        return self.target is None and not self.ops and self.envelope.kind not in ("request", "reply")


def accept(
    envelope: Envelope,
    run: RunRow,
    *,
    now: int,
    agent: AgentRow | None = None,
    tools: dict[str, str] | None = None,
    capacity: int = 0,
) -> list[Op]:
    """What it takes for a message to be accepted: its envelope in the inbox, its run, and the record that says so.

    `agent` is the row of an agent that comes to be with it. A run put in state running has taken the envelope already.
    The commit fails with InboxFull where `capacity` messages wait (0: no bound).
    """
    body = msgspec.Raw(pack(envelope))
    accepted = r.RunAccepted(spec=run.spec, parent=run.parent, budget=run.budget, tools=tools or {}, body=body)
    record = encode(accepted, agent_id=run.agent_id, run_id=run.id, key="", at=now)
    ops: list[Op] = [] if agent is None else [PutAgent(agent)]
    ops.append(
        Deliver(
            run.agent_id,
            envelope.id,
            envelope.kind,
            bytes(body),
            now,
            priority=envelope.priority,
            expires_at=envelope.expires_at,
            capacity=capacity,
            policy="reject_new",
            taken=run.status == "running",
        )
    )
    ops += append(run.agent_id, [record])
    ops.append(PutRun(run))
    return ops


def answer(envelope: Envelope, run_id: str, *, now: int) -> list[Op]:
    """What it takes to hand something to a run that is under way; the inbox always has room for an answer, and it goes
    before whatever waits to begin a run."""
    return [Deliver(envelope.to, envelope.id, envelope.kind, pack(envelope), now, run_id=run_id, priority=FIRST)]


def reply(run: RunRow, output: Any, error: dict[str, Any] | None, *, now: int) -> list[Op]:
    """Tell the parent, where there is one, how its child ended."""
    if not run.reply_to:
        return []
    payload = {
        "run_id": run.id,
        "agent_id": run.agent_id,
        "status": run.status,
        "output": output,
        "error": error,
        "cost": run.cost,
    }
    envelope = Envelope(
        f"{run.id}/end", run.reply_to, "child", payload, run.agent_id, correlation=run.correlation, created_at=now
    )
    return answer(envelope, run.parent, now=now)


def lost(envelope: Envelope, reason: str, *, now: int) -> list[Op]:
    """What is left of a message that went round in circles, or to nobody: its sender keeps it."""
    return [PutDeadLetter(envelope.sender, envelope.id, reason, now, pack(envelope))]


def append(agent_id: str, records: list[r.Record]) -> list[Op]:
    """Records, and after them as blobs what is too long for them; so their seqs are the first result."""
    ops: list[Op] = [Append(agent_id, tuple(records))]
    for record in records:
        if record.payload is not None:
            ops.append(PutBlob(record.blob, record.payload))
    return ops
