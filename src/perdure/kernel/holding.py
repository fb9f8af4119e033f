"""One agent held by this worker: its fence, its active run in memory, and how records of it are written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from perdure.base.clock import Clock
from perdure.base.envelope import Envelope
from perdure.base.ids import Ids

from . import records as r
from .budgets import Money
from .execution import End, Execution
from .inbox import Item
from .journal import Journal, encode, fold
from .leases import Lease
from .lineage import scopes_of
from .live import Live
from .meter import Meter
from .outgoing import append
from .post import post
from .program import Program, Programs
from .settings import Settings
from .store.ops import Guard, HasFence, Op
from .store.port import Store
from .store.rows import ENDED, AgentRow, RecordFilter, RunRow

Entry = tuple[str, r.Event]
"""A record to be: its key and what it tells."""

TURNS_BITS = 24
"""A worker gives its agent up before it has taken so many turns (2^24) that their number would run into the fence."""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """How a run came to rest: `output` where it is done or yielded, `error` where it failed or was cancelled."""

    run: RunRow
    output: Any = None
    error: dict[str, Any] | None = None
    waits: tuple[r.Wait, ...] = ()


class Begun(msgspec.Struct, frozen=True, gc=False):
    """An agent that came to be under this worker's first fence, and its first run, of which nothing is done yet."""

    agent: AgentRow
    run: RunRow
    program: Program
    envelope: Envelope


class House(Protocol):
    """What a holding needs of the engine that it lives in."""

    store: Store
    clock: Clock
    ids: Ids
    live: Live
    meter: Meter | None
    programs: Programs
    settings: Settings
    worker: str
    project: Path
    probe: Callable[[str], None]

    @property
    def lease(self) -> Lease: ...
    def wake(self, agent_id: str) -> None: ...
    def published(self) -> None: ...
    def settled(self, ended: Ended) -> None: ...
    def hurry(self) -> None: ...
    def demote(self, agent_id: str, paths: tuple[str, ...]) -> None: ...


class Holding:
    """An agent under this worker's fence. `execution` is its active run while that is in memory.

    `last_mail` is the seq of the last envelope looked at, `command` one that cuts the turn under way short, `obeyed`
    the id of the last that did, `turns` counts. Once `released` nothing may be written any more.
    """

    __slots__ = (
        *("_guards", "agent", "command", "execution", "fence", "fresh", "house", "last_mail", "obeyed", "released"),
        "turns",
    )

    def __init__(self, house: House, agent: AgentRow, fence: int) -> None:
        self.house = house
        self.agent = agent
        self.execution: Execution | None = None
        self.command: Item | None = None
        self.obeyed = ""
        self.released = False
        self.fresh = False
        self.last_mail = 0
        self.turns = 0
        self.fence = fence
        self._guards: tuple[Guard, ...] = (HasFence(agent.id, house.worker, fence),)

    # -- the run in memory --------------------------------------------------------------------------------------------

    @classmethod
    async def of(cls, house: House, begun: Begun) -> Holding:
        """An agent with its first run, ready for the first turn."""
        self = cls(house, begun.agent, 1)
        self.begin(begun.run, begun.program, begun.envelope, await self.money(begun.run, begun.program))
        self.fresh = True
        return self

    def begin(self, run: RunRow, program: Program, envelope: Envelope, money: Money) -> None:
        """Take up a run that has no history yet."""
        self.execution = self._execution(run, program, Journal(), money, envelope)

    async def load(self, run_id: str) -> RunRow | None:
        """Bring a run into memory from its records; None where it has ended."""
        run = await self.house.store.load_run(run_id)
        if run is None or run.status in ENDED:
            self.agent = msgspec.structs.replace(self.agent, active_run="")
            return None
        await self.restore(run)
        return run

    async def restore(self, run: RunRow) -> Execution:
        program = await self.house.programs.program(run.spec)
        journal = fold(await self._records(run))
        self.execution = self._execution(run, program, journal, await self.money(run, program), None)
        return self.execution

    def _execution(
        self, run: RunRow, program: Program, journal: Journal, money: Money, envelope: Envelope | None
    ) -> Execution:
        house = self.house
        return Execution(
            self.agent,
            run,
            program,
            journal,
            store=house.store,
            clock=house.clock,
            live=house.live,
            money=money,
            write=self.write,
            secure=self.secure,
            probe=house.probe,
            project=house.project,
            envelope=envelope,
            traced=house.settings.traced,
            meter=house.meter,
        )

    async def _records(self, run: RunRow) -> list[r.Record]:
        """The run's first record, and those from its last checkpoint on."""
        store, wanted = self.house.store, RecordFilter(self.agent.id, run.id)
        found: list[r.Record] = []
        after = run.first_seq - 1
        if run.checkpoint_seq:
            found = await store.records(wanted, after=after, limit=1)
            after = run.checkpoint_seq - 1
        while page := await store.records(wanted, after=after, limit=1000):
            found += page
            after = page[-1].seq
        return found

    async def money(self, run: RunRow, program: Program) -> Money:
        """What the run may draw on."""
        house = self.house
        scopes = await scopes_of(house.store, house.programs, run, program, house.settings.pools)
        return Money(run.id, scopes, program.spending, now=house.clock.now, tick=self.tick)

    def tick(self) -> int:
        """The number of this turn among all of the agent's: whoever holds it next has a higher fence."""
        return self.fence << TURNS_BITS | self.turns

    def go(self) -> Coroutine[Any, Any, End]:
        """One turn of the handler."""
        assert self.execution is not None
        self.fresh = False
        self.turns += 1
        return self.execution.go()

    @property
    def lingers(self) -> bool:
        """Whether the active run is worth keeping in memory a while: the answer that it waits for may come soon."""
        return self.execution is not None and self.execution.is_started and self.agent.status == "active"

    @property
    def waits(self) -> Mapping[str, r.Wait]:
        """What the active run waits for, by key."""
        if self.execution is None:
            return {}
        if self.execution.is_started:
            return {wait.key: wait for wait in self.execution.waits.wanted}
        journal = self.execution.journal
        open_keys = journal.waits.keys() - journal.answers.keys() - journal.resolved.keys() - journal.void
        return {key: wait for key, wait in journal.waits.items() if key in open_keys}

    async def secure(self) -> None:
        """Be sure of the agent for as long as it takes to begin something outside: a process whose heartbeat was slow
        to come to the disk may have lost it. Raises Fenced."""
        lease = self.house.lease
        while lease.is_old:
            await lease.renew(self._guards)

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, *entries: Entry, money: Money | None = None, mail: bool = False) -> Awaitable[Any]:
        """Records of the active run as they happen; see `Journalist`."""
        if mail:
            return self._write_mail(entries)
        if money is None:
            return self.commit(entries)
        ops, guards = money.take()
        return self.commit(entries, ops, guards=guards)

    async def _write_mail(self, entries: Sequence[Entry]) -> None:
        """The mail and a checkpoint behind it; without one, what begins no run and so is waited for by nobody."""
        execution = self.execution
        assert execution is not None
        mail = await post(self.house, execution, letters=not entries)
        results = await self.commit((*mail.entries, *entries), mail.ops)
        if entries:
            execution.run = msgspec.structs.replace(execution.run, checkpoint_seq=results[0][-1])
        mail.wake(self.house)

    def commit(
        self, entries: Sequence[Entry], ops: Sequence[Op] = (), *, run_id: str = "", guards: Sequence[Guard] = ()
    ) -> Awaitable[list[Any]]:
        """Write records (of the active run, unless `run_id` names another) and operations in one transaction.

        The seqs of the records are the first result where there are any.
        """
        house, agent_id = self.house, self.agent.id
        if not run_id and self.execution is not None:
            run_id = self.execution.run.id
        if entries:
            now = house.clock.now()
            records: list[r.Record] = []
            for key, event in entries:
                records.append(encode(event, agent_id=agent_id, run_id=run_id, key=key, at=now))
            ops = [*append(agent_id, records), *ops]
        written = house.store.commit(ops, (*self._guards, *guards) if guards else self._guards)
        if entries and house.live.recorded(run_id):
            written.add_done_callback(lambda future: self._show(future, run_id, records))
        return written

    def _show(self, written: asyncio.Future[list[Any]], run_id: str, records: list[r.Record]) -> None:
        """Tell listeners of records, once they are on disk."""
        if not written.cancelled() and written.exception() is None:
            for seq, record in zip(written.result()[0], records, strict=True):
                self.house.live.tell(run_id, msgspec.structs.replace(record, seq=seq))
