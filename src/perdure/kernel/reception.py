"""Where messages from outside are accepted: what is acknowledged is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import msgspec

from perdure.base.codec import pack
from perdure.base.envelope import Envelope
from perdure.base.errors import KeyExists, PerdureError

from .gate import Gate
from .holding import Begun, Ended, House
from .leases import Lease
from .life import terminated
from .outgoing import accept
from .overflow import admit
from .program import Program
from .store.ops import NoAgent, Op, PutDeadLetter, PutSpec
from .store.rows import AgentRow, RunRow


class Host(House, Protocol):
    """What the reception needs of the engine that it belongs to."""

    gate: Gate

    def take_up(self, begun: Begun) -> None: ...
    def aside(self, work: Coroutine[Any, Any, None]) -> None: ...


class Reception:
    def __init__(self, host: Host, lease: Lease) -> None:
        self._host = host
        self._lease = lease
        self._specs: set[str] = set()

    async def submit(
        self, envelope: Envelope, spec: str, document: bytes, program: Program, *, is_new: bool = False
    ) -> RunRow:
        """Accept a message that begins a run; it is on disk when this returns. The agent comes to be with its first
        message; `is_new` says that this is it. Sending the same envelope again gives the run that it began the first
        time. Raises InboxFull, and KeyExists where an agent that `is_new` is there already."""
        host, agent_id = self._host, envelope.to
        host.gate.arrived += 1
        now = host.clock.now()
        keep: list[Op] = [] if spec in self._specs else [PutSpec(spec, document, now)]
        id = host.ids.new("run")
        run = RunRow(id, agent_id, spec, envelope.id, "queued", now, root=id, budget=program.per_run)
        host.probe("accept.before_commit")
        there = None if is_new else await host.store.load_agent(agent_id)
        if there is not None and there.status == "terminated":
            await host.store.commit([PutDeadLetter(agent_id, envelope.id, "terminated", now, pack(envelope))])
            raise terminated(agent_id)
        if there is None:
            try:
                run = await self._found(envelope, run, program, keep)
            except KeyExists:
                if is_new:
                    raise
                return await self.submit(envelope, spec, document, program)
        else:
            run = await self._queue(envelope, run, program, keep)
        self._specs.add(spec)
        return run

    async def _found(self, envelope: Envelope, run: RunRow, program: Program, keep: list[Op]) -> RunRow:
        """Write an agent with its first run, and begin that at once: also where whoever asked for it has gone."""
        host, now = self._host, run.created_at
        await self._lease.hold()
        run = msgspec.structs.replace(run, status="running", started_at=now)
        row = AgentRow(run.agent_id, run.spec, now, host.worker, 1, run.id, updated_at=now)
        ops = [*keep, *accept(envelope, run, now=now, agent=row, tools=program.tools)]
        host.gate.arriving.add(row.id)
        try:
            results = await host.store.commit(ops, (NoAgent(row.id),))
        except asyncio.CancelledError:
            host.aside(self._adopt(row.id))
            raise
        except PerdureError:
            host.gate.arriving.discard(row.id)
            raise
        host.probe("accept.after_commit")
        seqs = next(result for result in results if isinstance(result, list))
        run = msgspec.structs.replace(run, first_seq=seqs[0])
        host.gate.arriving.discard(row.id)
        host.take_up(Begun(row, run, program, envelope))
        return run

    async def _adopt(self, agent_id: str) -> None:
        """Whoever sent an agent its first message has gone while that was written: begin its run all the same."""
        await self._host.store.commit([])  # commits keep their order: the message is on disk now, or was refused
        self._host.gate.arriving.discard(agent_id)
        self._host.wake(agent_id)

    async def _queue(self, envelope: Envelope, run: RunRow, program: Program, keep: list[Op]) -> RunRow:
        """Put a message into the inbox of an agent that there is."""
        host = self._host
        known = await host.store.find_run(run.agent_id, envelope.id)
        if known is not None:
            return known
        try:
            admitted = await admit(host.store, envelope, run, program, keep=keep, now=run.created_at)
        except KeyExists:  # the same envelope, accepted by somebody else a moment ago
            return await host.store.find_run(run.agent_id, envelope.id) or run
        host.probe("accept.after_commit")
        if admitted.lost is not None:
            host.settled(Ended(admitted.lost, error=admitted.error))
            if admitted.lost.reply_to:
                host.wake(admitted.lost.reply_to)
        host.wake(run.agent_id)
        return admitted.run
