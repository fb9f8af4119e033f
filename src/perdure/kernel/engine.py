"""The tick engine: wakes agents, holds each under a fence, and lets one turn follow another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from perdure.base.clock import Clock
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentNotFound, Fenced, Held, PerdureError, StoreError
from perdure.base.ids import Ids

from .alarms import Alarms, Planner
from .closing import close
from .commands import interrupt
from .failures import normal
from .gate import Gate
from .holding import Begun, Ended, Holding
from .intake import read, take
from .leases import Lease
from .life import STILL
from .live import Live
from .meter import Meter
from .outgoing import answer
from .program import Program, Programs
from .pulse import Pulse
from .reception import Reception
from .settings import DEFAULTS, Settings
from .store.ops import Claim, Claimable, Guard, Op, Unclaim
from .store.port import Store
from .store.rows import ENDED, RunRow
from .watchers import Watchers, ended

AFTER_TROUBLE_MS = 5_000
AFTER_NOTHING_MS = 2_000
"""How long an agent is left alone that seemed to have work, but whose mail waits behind a run that waits."""


def _nothing(_: str) -> None:
    pass


def _unheard() -> None:
    pass


def _keep(_: str, __: tuple[str, ...]) -> None:
    pass


class Engine:
    """Ticks agents of one store. One per process; open it with `start`, and `close` it."""

    def __init__(
        self,
        store: Store,
        programs: Programs,
        *,
        clock: Clock,
        ids: Ids,
        project: Path,
        settings: Settings = DEFAULTS,
        probe: Callable[[str], None] = _nothing,
        planner: Planner | None = None,
    ) -> None:
        self.store = store
        self.programs = programs
        self.clock = clock
        self.ids = ids
        self.project = project
        self.settings = settings
        self.probe = probe
        self.live = Live()
        self.meter = Meter() if settings.metered else None
        self.gate = Gate()
        self.worker = ids.new("wrk")
        self._lease = Lease(store, clock, settings, self.worker)
        self.alarms = None if planner is None else Alarms(store, clock, planner)
        self._pulse = Pulse(store, clock, settings, self._lease, self, self.alarms)
        self._held: dict[str, Holding] = {}
        self._ticks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._side: set[asyncio.Task[None]] = set()
        self._naps: set[asyncio.Future[None]] = set()
        self._mine: set[str] = set()
        self._troubled: dict[str, int] = {}  # agent → when to look at it again
        self._idle: dict[str, int] = {}
        self._watchers = Watchers(store)
        self._reception = Reception(self, self._lease)
        self._closing = False
        self.demote: Callable[[str, tuple[str, ...]], None] = _keep
        """Takes paths from an agent, as its supervisor decided and the journal has it."""

        self.published: Callable[[], None] = _unheard
        """Is told that a run of this process published something, or changed what its agent hears."""
        self.listening: Callable[[], None] = _unheard
        """Is told that a run of this process waits for an event."""

    @property
    def lease(self) -> Lease:
        """The lease of this process, for what it does beside the ticks."""
        return self._lease

    def tick(self, agent_id: str) -> int:
        """The number of the turn that the agent is in here; 0 where this process does not hold it."""
        holding = self._held.get(agent_id)
        return 0 if holding is None else holding.tick()

    def works_for(self, agent_id: str) -> bool:
        """Whether this process sees to the agent: it was asked to, or takes over whatever lies idle."""
        return self.settings.recover or agent_id in self._mine

    @property
    def held(self) -> int:
        """How many agents this process holds now."""
        return len(self._held)

    async def start(self) -> None:
        """Begin to renew the lease, fire timers and, where the settings say so, take over what lies idle."""
        self._pulse.start()

    async def close(self, grace_ms: float = 0) -> None:
        """Let runs finish the effects under way, at most `grace_ms`, then put them away. Nothing is lost."""
        self._closing = True
        for nap in self._naps:
            nap.cancel()
        for holding in self._held.values():
            if holding.execution is not None:
                holding.execution.park()
        if self._ticks and grace_ms > 0:
            await asyncio.wait(self._ticks.values(), timeout=grace_ms / 1000)
        for holding in list(self._held.values()):
            if holding.execution is not None:
                await holding.execution.abandon()
        while self._ticks or self._side:
            await asyncio.wait((*self._ticks.values(), *self._side))
        for holding in list(self._held.values()):
            with contextlib.suppress(StoreError):  # whom it cannot give up, others take when its heartbeat has lapsed
                await self._let_go(holding)
        await self._pulse.stop()

    # -- what the layers above ask for -------------------------------------------------------------------------------

    def submit(
        self, envelope: Envelope, spec: str, document: bytes, program: Program, *, is_new: bool = False
    ) -> Coroutine[Any, Any, RunRow]:
        """Accept a message that begins a run; see `Reception.submit`."""
        self._mine.add(envelope.to)
        return self._reception.submit(envelope, spec, document, program, is_new=is_new)

    async def tell(self, envelope: Envelope, run: RunRow, *guards: Guard) -> None:
        """Hand an answer or a command (see `Envelope.kind`) to a run; it is on disk when this returns."""
        self._mine.add(run.agent_id)
        await self.store.commit(answer(envelope, run.id, now=self.clock.now()), guards)
        self.wake(run.agent_id)

    def rest(self, run: RunRow, *, person: bool = True, unlike: RunRow | None = None) -> Coroutine[Any, Any, Ended]:
        """Wait until the run has ended, yielded, was paused or, with `person`, waits for somebody: in another way than
        the row `unlike` shows, where a command or an answer is to move it on."""
        moving = run.agent_id in self._ticks
        return self._watchers.rest(run, person=person, unlike=unlike, moving=moving)

    async def order(self, agent_id: str, ops: Sequence[Op], *, wait: bool = True) -> None:
        """Write a command to an agent (see `living.command`) and, with `wait`, see it carried out here, which is at the
        end of the turn under way; where another process has the agent, that one does it."""
        self._mine.add(agent_id)
        await self.store.commit(ops)
        self.wake(agent_id, anyway=True)
        while wait and (turn := self._ticks.get(agent_id)) is not None:
            await asyncio.wait((turn,))

    async def ended(self, run: RunRow) -> Ended:
        """A run with what its last record says of its output, error or waits."""
        return await ended(self.store, run)

    def settled(self, ended: Ended) -> None:
        """A run came to rest, or waits: tell whoever asked. Where more mail has come for one that waits, there may be
        an answer in it: the turn that reads it tells."""
        if ended.waits:
            self._pulse.hurry()
            if any(wait.about.get("subscription") for wait in ended.waits):
                self.listening()
        elif self.meter is not None and ended.run.status in ENDED:
            self.meter.ended[ended.run.status] += 1
        if not (ended.waits and ended.run.agent_id in self._again):
            self._watchers.tell(ended)

    # -- ticking ------------------------------------------------------------------------------------------------------

    def wake(self, agent_id: str, *, anyway: bool = False) -> None:
        """See to the agent's mail: now, or when the turn under way is done; `anyway` also where it does not work."""
        self._mine.add(agent_id)
        if agent_id not in self._ticks and agent_id not in self.gate.arriving:
            if (anyway or self.settings.work) and not self._closing:
                self._tick(agent_id, self._turns(agent_id, self._held.get(agent_id)))
            return
        self._again.add(agent_id)
        holding = self._held.get(agent_id)
        if holding is not None and holding.execution is not None:
            self.aside(self._interrupt(holding))

    async def _interrupt(self, holding: Holding) -> None:
        with contextlib.suppress(StoreError):  # the turn under way comes to the same trouble, and tells of it
            for item in (await read(holding)).commands:
                await interrupt(holding, item)

    def take_up(self, begun: Begun) -> None:
        """Begin the first turn of an agent that came to be under this worker's fence."""
        self._tick(begun.agent.id, self._turns(begun.agent.id, None, begun))

    def _tick(self, agent_id: str, turns: Coroutine[Any, Any, None]) -> None:
        self._ticks[agent_id] = asyncio.get_running_loop().create_task(turns)

    async def _turns(self, agent_id: str, holding: Holding | None, begun: Begun | None = None) -> None:
        """One turn after another until there is nothing to do: this is the tick."""
        try:
            if begun is not None:
                holding = await self._enter(begun)
            holding = holding or await self._claim(agent_id)
            if holding is None:
                return
            self._held[agent_id] = holding
            if begun is not None and agent_id in self._again:
                await self._interrupt(holding)  # somebody spoke to it while it waited at the gate
            while not self._closing and (holding.fresh or await take(holding)):
                end = await holding.go()
                await close(holding, end)
                if self.meter is not None:
                    self.meter.ticks += 1
                if holding.released:
                    break
            if not holding.turns:
                self._idle[agent_id] = self.clock.now() + AFTER_NOTHING_MS
                if holding.agent.status in STILL:  # a timer of its run may be due all the while
                    self._troubled[agent_id] = self.clock.now() + AFTER_NOTHING_MS
            await self._leave(holding)
        except Fenced:
            await self._lost(agent_id)
        except Exception as error:  # the edge: whatever else goes wrong, whoever waits is told
            await self._broken(agent_id, normal(error))
        finally:
            del self._ticks[agent_id]
            if agent_id in self._again:
                self._again.discard(agent_id)
                self.wake(agent_id)
            elif self._watchers.any(agent_id):
                self.aside(self._watchers.look_again(agent_id))

    async def _enter(self, begun: Begun) -> Holding:
        """Take up an agent's first run when its turn has come: receipts go before."""
        if self.gate.is_full(len(self._ticks)):
            await self.gate.wait()
        return await Holding.of(self, begun)

    async def _claim(self, agent_id: str) -> Holding | None:
        """Take the agent under this worker's fence; None where another live worker has it."""
        guard = Claimable(agent_id, self.worker, self._lease.stale_before)
        await self._lease.hold()
        try:
            (fence,) = await self.store.commit([Claim(agent_id, self.worker)], (guard,))
        except (Held, AgentNotFound):
            return None
        agent = await self.store.load_agent(agent_id)
        return None if agent is None else Holding(self, agent, fence)

    async def _leave(self, holding: Holding) -> None:
        """After the last turn: a run that waits lingers a while in memory; everything else is let go."""
        if holding.released:
            self._held.pop(holding.agent.id, None)
            self._mine.discard(holding.agent.id)
        elif holding.lingers and not self._closing:
            self._linger(holding)
        else:
            await self._let_go(holding)

    def _linger(self, holding: Holding) -> None:
        mark = holding.turns

        async def cool() -> None:
            while await self._nap(self.settings.linger_ms):
                if self._closing or holding.released or holding.turns != mark or holding.agent.id in self._ticks:
                    return
                if not any(
                    wait.about["agent"] in self._held for wait in holding.waits.values() if wait.kind == "child"
                ):
                    return await self._give_up(holding)

        self.aside(cool())

    async def _give_up(self, holding: Holding) -> None:
        """Let go of an agent between its turns; later where the store cannot: nobody else takes it before."""
        try:
            await self._let_go(holding)
        except StoreError as trouble:
            if trouble.retryable:
                await self._try_again(holding.agent.id)

    async def _nap(self, ms: float) -> bool:
        """Sleep; False where the engine is closed meanwhile."""
        if self._closing:
            return False
        nap = asyncio.ensure_future(self.clock.sleep(ms))
        self._naps.add(nap)
        try:
            await asyncio.wait((nap,))
        finally:
            self._naps.discard(nap)
        return not nap.cancelled()

    async def _let_go(self, holding: Holding) -> None:
        """Put a waiting run away and give its agent up, unless mail came at the last moment."""
        agent_id = holding.agent.id
        self._held.pop(agent_id, None)
        if holding.execution is not None:
            await holding.execution.abandon()
            holding.execution = None
        if not holding.released:
            holding.released = True
            given = await self.store.commit(
                [Unclaim(agent_id, self.worker, None if self._closing else holding.last_mail)]
            )
            if not given[0]:
                self.wake(agent_id)

    async def _lost(self, agent_id: str) -> None:
        """Another worker took the agent over: whatever this one still holds of it is void."""
        holding = self._held.pop(agent_id, None)
        if holding is not None and holding.execution is not None:
            await holding.execution.abandon()

    async def _broken(self, agent_id: str, error: PerdureError) -> None:
        """A turn could not be begun or ended: the run stays as the journal has it, to be gone on with later."""
        self._troubled[agent_id] = self.clock.now() + AFTER_TROUBLE_MS
        holding = self._held.pop(agent_id, None)
        if holding is not None and holding.execution is not None:
            await holding.execution.abandon()
        try:
            await self.store.commit([Unclaim(agent_id, self.worker)])  # it may have been claimed and not been loaded
        except StoreError as trouble:
            # No store to give the agent back to: nobody else takes it while this worker lives.
            if trouble.retryable:
                self.aside(self._try_again(agent_id))
        self._watchers.fail(agent_id, error)

    async def _try_again(self, agent_id: str) -> None:
        if await self._nap(AFTER_TROUBLE_MS):
            self._troubled.pop(agent_id, None)
            self.wake(agent_id)

    # -- for the pulse ------------------------------------------------------------------------------------------------

    def fire(self, agent_id: str) -> None:
        """A timer of this agent is due."""
        if self.works_for(agent_id):
            self._see_to(agent_id)

    def find_work(self, agent_id: str) -> None:
        """Nobody holds this agent, and it has mail or a run; what was tried in vain just now is left for a while."""
        if self._is_time(self._idle, agent_id):
            self._see_to(agent_id)

    def _see_to(self, agent_id: str) -> None:
        if self._is_time(self._troubled, agent_id):
            self.wake(agent_id)

    def _is_time(self, not_before: dict[str, int], agent_id: str) -> bool:
        if not_before.get(agent_id, 0) > self.clock.now():
            return False
        not_before.pop(agent_id, None)
        return True

    def hurry(self) -> None:
        """A timer was set, by whom the engine does not know, that may be due before it would look."""
        self._pulse.hurry()

    def nudge(self) -> None:
        """Another process wrote: there may be mail for what is held, and news of what is watched."""
        self._idle.clear()
        for agent_id in {*self._held, *self._ticks, *self._watchers.agents}:
            self.wake(agent_id)

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the ticks; closing waits for it."""
        task = asyncio.create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)
