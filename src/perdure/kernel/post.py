"""The mail of a turn, made ready to be committed with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import MAX_HOPS

from . import records as r
from .execution import Execution
from .outgoing import CAPACITY, Outgoing, accept, lost
from .store.ops import Deliver, MarkSeen, Op, PutSpec
from .store.rows import AgentRow, RunRow

if TYPE_CHECKING:
    from .holding import Entry, House


class Post(msgspec.Struct, frozen=True):
    """What goes out with a commit, as records and operations, and the agents to wake after it."""

    entries: list[Entry]
    ops: list[Op]
    to: list[str]

    def wake(self, house: House) -> None:
        for agent_id in self.to:
            house.wake(agent_id)


async def post(house: House, execution: Execution) -> Post:
    """Empty the run's outbox and marks into operations."""
    mail = Post([], [], [])
    for key, outgoing in execution.outbox:
        if outgoing.ops:
            mail.ops.extend(outgoing.ops)
        else:
            mail.ops.extend(await _send(house, execution, outgoing))
            mail.to.append(outgoing.envelope.to)
        mail.entries.append((key, r.MessageSent(to=outgoing.envelope.to, body=msgspec.Raw(pack(outgoing.envelope.id)))))
        execution.journal.sent.add(key)
    execution.outbox.clear()
    if execution.marked:
        mail.ops.append(MarkSeen(execution.agent.id, tuple(execution.marked)))
        execution.marked.clear()
    return mail


async def _send(house: House, execution: Execution, outgoing: Outgoing) -> list[Op]:
    envelope, now = outgoing.envelope, house.clock.now()
    existing = await house.store.load_agent(envelope.to)
    if envelope.hops > MAX_HOPS or (existing is None and outgoing.target is None):
        return lost(envelope, now=now)
    if outgoing.target is None:
        return [
            Deliver(
                envelope.to,
                envelope.id,
                envelope.kind,
                pack(envelope),
                now,
                priority=envelope.priority,
                capacity=CAPACITY,
            )
        ]
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
