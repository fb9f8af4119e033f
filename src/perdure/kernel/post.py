"""The mail of a turn, made ready to be committed with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import MAX_HOPS, Envelope
from perdure.base.topic import ADDRESS

from . import records as r
from .answering import undelivered
from .execution import Execution
from .life import terminated
from .outgoing import CAPACITY, Outgoing, accept, answer, lost
from .store.ops import CancelTimer, Deliver, MarkSeen, Op, PutSpec
from .store.rows import AgentRow, RunRow
from .topics import publication, unpublishable

if TYPE_CHECKING:
    from .holding import Entry, House


class Post(msgspec.Struct, frozen=True):
    """What goes out with a commit, as records and operations, and the agents and topics that hear of it after."""

    entries: list[Entry]
    ops: list[Op]
    to: list[str]

    def wake(self, house: House) -> None:
        for to in self.to:
            rouse(house, to)


async def post(house: House, execution: Execution, *, letters: bool = False) -> Post:
    """Empty the run's outbox and marks into operations; with `letters`, of what it can send ahead of its commit."""
    if letters:
        mail, going = Post([], [], []), [one for one in execution.outbox if one[1].is_letter]
        execution.outbox = [one for one in execution.outbox if not one[1].is_letter]
    else:
        mail, going = let_go(house, execution), execution.outbox
        execution.outbox = []
    for key, outgoing in going:
        envelope = outgoing.envelope
        mail.entries.append((key, r.MessageSent(to=envelope.to, body=msgspec.Raw(pack(envelope.id)))))
        execution.journal.sent.add(key)
        if outgoing.ops:
            mail.ops.extend(outgoing.ops)
            if envelope.to == ADDRESS:
                mail.to.append(ADDRESS)
            continue
        existing = None if envelope.to.startswith(ADDRESS) else await house.store.load_agent(envelope.to)
        if (reason := _unreachable(outgoing, existing)) is not None:
            _lose(mail, key, envelope, reason, now=house.clock.now())
        elif outgoing.target is not None:
            mail.ops.extend(await _begin(house, execution, outgoing, existing))
            mail.to.append(envelope.to)
        else:
            mail.ops.extend(deliver(outgoing, now=house.clock.now()))
            mail.to.append(envelope.to)
    if execution.marked and not letters:
        mail.ops.append(MarkSeen(execution.agent.id, tuple(execution.marked)))
        execution.marked.clear()
    return mail


def let_go(house: House, execution: Execution) -> Post:
    """Stop what branches waited for that were cut off: their child runs are cancelled, or never begin."""
    mail = Post([], [], [])
    now = house.clock.now()
    for wait in execution.waits.dropped:
        run_id = str(wait.about.get("run", ""))
        if wait.mark in execution.reported and wait.due is not None:
            mail.ops.append(CancelTimer(execution.run.id, wait.key))
        if wait.kind != "child":
            continue
        begun = [one for one in execution.outbox if one[1].run_id != run_id]
        if len(begun) < len(execution.outbox):
            execution.outbox[:] = begun
            continue
        agent_id = wait.about["agent"]
        cancel = Envelope(house.ids.new("env"), agent_id, "cancel", sender=execution.agent.id, created_at=now)
        mail.ops.extend(answer(cancel, run_id, now=now))
        mail.to.append(agent_id)
    execution.waits.dropped.clear()
    return mail


def rouse(house: House, to: str) -> None:
    """Something was committed for an agent, or for a topic."""
    if to.startswith(ADDRESS):
        house.published()
    else:
        house.wake(to)


def deliver(outgoing: Outgoing, *, now: int) -> list[Op]:
    """What it takes for a message to reach an agent that there is, or a topic."""
    envelope = outgoing.envelope
    if envelope.to.startswith(ADDRESS):
        return [publication(envelope)]
    if envelope.kind == "reply":
        return answer(envelope, outgoing.run_id, now=now)
    data, priority = pack(envelope), envelope.priority
    return [
        Deliver(
            envelope.to,
            envelope.id,
            envelope.kind,
            data,
            now,
            priority=priority,
            expires_at=envelope.expires_at,
            capacity=CAPACITY,
        )
    ]


def _unreachable(outgoing: Outgoing, existing: AgentRow | None) -> str | None:
    """Why a message reaches nobody, None where it does."""
    if outgoing.envelope.to.startswith(ADDRESS):
        return unpublishable(outgoing.envelope)
    if outgoing.envelope.hops > MAX_HOPS:
        return "hops"
    if outgoing.target is not None:
        return None
    if existing is None:
        return "unknown_agent"
    return "terminated" if existing.status == "terminated" else None


def _lose(mail: Post, key: str, envelope: Envelope, reason: str, *, now: int) -> None:
    """A message that reaches nobody: it is kept, on record, and whoever waits for an answer is told."""
    mail.entries.append((key, r.MessageDropped(envelope=envelope.id, reason=reason)))
    mail.ops.extend(lost(envelope, reason, now=now))
    told = undelivered(envelope, reason, now=now)
    if told is not None:
        mail.ops.extend(deliver(told, now=now))
        mail.to.append(told.envelope.to)


async def _begin(house: House, execution: Execution, outgoing: Outgoing, existing: AgentRow | None) -> list[Op]:
    """What it takes for a child run to begin."""
    envelope, now = outgoing.envelope, house.clock.now()
    if existing is not None and existing.status == "terminated":
        raise terminated(existing.id)
    spec, document, program = await house.programs.find(outgoing.target)
    parent = execution.run
    run = RunRow(
        outgoing.run_id,
        envelope.to,
        spec,
        envelope.id,
        "queued",
        now,
        parent=parent.id,
        root=parent.root or parent.id,
        reply_to=parent.agent_id,
        correlation=f"{envelope.correlation}/end",
        budget=program.per_run,
    )
    agent = None if existing is not None else AgentRow(envelope.to, spec, now)
    return [PutSpec(spec, document, now), *accept(envelope, run, now=now, agent=agent, tools=program.tools)]
