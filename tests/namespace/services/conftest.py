"""A desk over a store in memory, with one agent called bob, and short ways to use what is made with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from perdure.base.clock import ManualClock
from perdure.base.envelope import Envelope
from perdure.base.ids import Ids, seeded
from perdure.kernel.budgets import Scope
from perdure.kernel.journal import encode
from perdure.kernel.live import Live
from perdure.kernel.outgoing import accept
from perdure.kernel.records import Event
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import Append, Op, PutAgent
from perdure.kernel.store.rows import AgentRow, RunRow
from perdure.namespace.namespace import Namespace
from perdure.namespace.node import Node
from perdure.namespace.served import Served
from perdure.namespace.services.desk import Desk, Terms
from perdure.namespace.services.news import News


class Office:
    """`desk` and what stands behind it; `commands` are those that were given."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.live = Live()
        self.store = MemoryStore()
        self.commands: list[tuple[str, str]] = []
        self.terms = Terms("clerk", 8, "dead_letter", (Scope("agent:bob:day", 1_000_000),))
        ids = Ids(self.clock, seeded(1))
        self.desk = Desk(
            store=self.store,
            clock=self.clock,
            ids=ids,
            news=News(self.live),
            deliver=self.deliver,
            command=self.command,
            terms=self.said,
            pubkey=self.pubkey,
        )

    async def deliver(self, envelope: Envelope) -> RunRow:
        run = RunRow(self.desk.ids.new("run"), envelope.to, "spec", envelope.id, "queued", self.clock.now())
        known = await self.store.find_run(envelope.to, envelope.id)
        if known is not None:
            return known
        await self.store.commit(accept(envelope, run, now=self.clock.now()))
        self.desk.news.notify()
        return run

    async def command(self, agent_id: str, verb: str) -> None:
        self.commands.append((agent_id, verb))

    async def pubkey(self, agent_id: str) -> str:
        return ""

    async def said(self, row: AgentRow) -> Terms:
        return self.terms

    async def commit(self, *ops: Op) -> list[Any]:
        return await self.store.commit(ops)

    async def note(self, event: Event, *, run_id: str = "", key: str = "", agent_id: str = "bob") -> int:
        """Put a record on record. Returns its seq."""
        record = encode(event, agent_id=agent_id, run_id=run_id, key=key, at=self.clock.now())
        ((seq,),) = await self.store.commit([Append(agent_id, (record,))])
        self.desk.news.notify()
        return int(seq)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def served(office: Office) -> Callable[[Callable[[str, Desk], Node]], Awaitable[Namespace]]:
    """What one of the services is for bob, as paths."""

    async def serve(make: Callable[[str, Desk], Node]) -> Namespace:
        await office.commit(PutAgent(AgentRow("bob", "spec", office.clock.now())))
        return Namespace(Served(make("bob", office.desk)))

    return serve


@pytest.fixture
def data() -> Callable[[bytes], Any]:
    """What JSON, or lines of JSON, mean."""

    def decode(text: bytes) -> Any:
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return [msgspec.json.decode(line) for line in text.splitlines()]

    return decode
