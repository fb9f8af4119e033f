"""The tick engine: wakes agents, holds each under a fence, and lets one turn follow another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import unpack
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentNotFound, Fenced, Held, KeyExists, PerdureError, RunNotFound, StoreError
from perdure.base.ids import Ids

from . import records as r
from .closing import close
from .commands import interrupt
from .failures import normal
from .holding import Ended, Holding
from .intake import read, take
from .journal import decode
from .leases import Lease
from .live import Live
from .outgoing import accept, answer
from .overflow import admit
from .program import Program, Programs
from .pulse import Pulse
from .settings import DEFAULTS, Settings
from .store.ops import Claim, Claimable, NoAgent, Op, PutSpec, Unclaim
from .store.port import Store
from .store.rows import AgentRow, RecordFilter, RunRow
from .watcher import NEEDS_A_PERSON, Watcher

AFTER_TROUBLE_MS = 5_000
AFTER_NOTHING_MS = 2_000
"""How long an agent is left alone that seemed to have work, but whose mail waits behind a run that waits."""


def _nothing(_: str) -> None:
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
    ) -> None:
        self.store = store
        self.programs = programs
        self.clock = clock
        self.ids = ids
        self.project = project
        self.settings = settings
        self.probe = probe
        self.live = Live()
        self.worker = ids.new("wrk")
        self._lease = Lease(store, clock, settings, self.worker)
        self._pulse = Pulse(store, clock, settings, self._lease, self)
        self._held: dict[str, Holding] = {}
        self._ticks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._side: set[asyncio.Task[None]] = set()
        self._naps: set[asyncio.Future[None]] = set()
        self._mine: set[str] = set()
        self._arriving: set[str] = set()
        self._troubled: dict[str, int] = {}  # agent → when to look at it again
        self._idle: dict[str, int] = {}
        self._watchers: dict[str, list[Watcher]] = {}
        self._specs: set[str] = set()
        self._closing = False

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
            await self._let_go(holding)
        await self._pulse.stop()

    # -- accepting ----------------------------------------------------------------------------------------------------

    async def submit(
        self, envelope: Envelope, spec: str, document: bytes, program: Program, *, is_new: bool = False
    ) -> RunRow:
        """Accept a message that begins a run; it is on disk when this returns. The agent comes to be with its first
        message; `is_new` says that this is it. Sending the same envelope again gives the run that it began the first
        time. Raises InboxFull."""
        now = self.clock.now()
        agent_id = envelope.to
        self._mine.add(agent_id)
        agent = None if is_new else await self.store.load_agent(agent_id)
        id = self.ids.new("run")
        keep: list[Op] = []
        if spec not in self._specs:
            keep.append(PutSpec(spec, document, now))
        self.probe("accept.before_commit")
        if agent is None:
            run = RunRow(
                id, agent_id, spec, envelope.id, "running", now, root=id, started_at=now, budget=program.per_run
            )
            row = AgentRow(agent_id, spec, now, self.worker, 1, id, updated_at=now)
            ops = keep + accept(envelope, run, now=now, agent=row, tools=program.tools)
            try:
                run = await self._found(envelope, run, row, program, ops)
            except KeyExists:
                return await self.submit(envelope, spec, document, program)
            self._specs.add(spec)
            return run
        run = RunRow(id, agent_id, spec, envelope.id, "queued", now, root=id, budget=program.per_run)
        taken = await self.store.find_run(agent_id, envelope.id)
        if taken is not None:
            return taken
        try:
            admitted = await admit(self.store, envelope, run, program, keep=keep, now=now)
        except KeyExists:  # the same envelope, accepted by somebody else a moment ago
            return await self.store.find_run(agent_id, envelope.id) or run
        self._specs.add(spec)
        self.probe("accept.after_commit")
        if admitted.lost is not None:
            self.settled(Ended(admitted.lost, error=admitted.error))
            if admitted.lost.reply_to:
                self.wake(admitted.lost.reply_to)
        self.wake(agent_id)
        return admitted.run

    async def _found(self, envelope: Envelope, run: RunRow, row: AgentRow, program: Program, ops: list[Op]) -> RunRow:
        """Write an agent with its first run, and begin that at once: also where whoever asked for it has gone."""
        await self._lease.hold()
        self._arriving.add(row.id)
        try:
            results = await self.store.commit(ops, (NoAgent(row.id),))
        except asyncio.CancelledError:
            self._aside(self._adopt(row.id))
            raise
        except PerdureError:
            self._arriving.discard(row.id)
            raise
        self.probe("accept.after_commit")
        seqs = next(result for result in results if isinstance(result, list))
        run = msgspec.structs.replace(run, first_seq=seqs[0])
        holding = Holding(self, row, 1)
        holding.begin(run, program, envelope, await holding.money(run, program))
        holding.fresh = True
        self._arriving.discard(row.id)
        self._tick(row.id, holding)
        return run

    async def _adopt(self, agent_id: str) -> None:
        """Whoever sent an agent its first message has gone while that was written: begin its run all the same."""
        await self.store.commit([])  # commits keep their order: the message is on disk now, or was refused
        self._arriving.discard(agent_id)
        self.wake(agent_id)

    async def tell(self, envelope: Envelope, run: RunRow) -> None:
        """Hand an answer or a command (see `Envelope.kind`) to a run; it is on disk when this returns."""
        self._mine.add(run.agent_id)
        await self.store.commit(answer(envelope, run.id, now=self.clock.now()))
        self.wake(run.agent_id)

    # -- waiting for ends ---------------------------------------------------------------------------------------------

    async def moved(self, run: RunRow) -> Ended:
        """Wait until the run comes to rest in another way than `run` shows it: what a command leads to."""
        return await self.rest(run, unlike=run)

    async def rest(self, run: RunRow, *, person: bool = True, unlike: RunRow | None = None) -> Ended:
        """Wait until the run has ended, yielded, was paused or, with `person`, waits for somebody."""
        watcher = Watcher(run.id, person, unlike, asyncio.get_running_loop().create_future())
        self._watchers.setdefault(run.agent_id, []).append(watcher)
        try:
            if run.agent_id not in self._ticks:
                await self._look_again(run.agent_id, run.id)
            return await watcher.news
        finally:
            self._watchers[run.agent_id].remove(watcher)
            if not self._watchers[run.agent_id]:
                del self._watchers[run.agent_id]

    async def ended(self, run: RunRow) -> Ended:
        """A run with what its last record says of its output, error or waits."""
        types = ("run.finished", "run.waiting", "run.yielded")
        found = await self.store.records(RecordFilter(run.agent_id, run.id, types), limit=1, order="newest")
        event = decode(found[0]) if found else None
        match event:
            case r.RunFinished():
                value = unpack(event.body)
                return Ended(run, value) if event.status == "done" else Ended(run, error=value)
            case r.RunYielded():
                return Ended(run, unpack(event.body))
            case r.RunWaiting() if run.status == "waiting":
                return Ended(run, waits=event.waits)
            case _ if run.status == "queued":
                return Ended(run, waits=await self._ahead(run))
            case _:
                return Ended(run)

    async def _ahead(self, run: RunRow) -> tuple[r.Wait, ...]:
        """What the run waits for that is active before this one, where that needs a person."""
        agent = await self.store.load_agent(run.agent_id)
        active = await self.store.load_run(agent.active_run) if agent is not None and agent.active_run else None
        if active is None or active.id == run.id or active.waiting_for not in NEEDS_A_PERSON:
            return ()
        return (await self.ended(active)).waits

    def settled(self, ended: Ended) -> None:
        """A run came to rest, or waits: tell whoever asked. Where more mail has come for one that waits, there may be
        an answer in it: the turn that reads it tells."""
        if ended.waits and ended.run.agent_id in self._again:
            self._pulse.hurry()
            return
        for watcher in self._watchers.get(ended.run.agent_id, ()):
            if watcher.run_id == ended.run.id:
                watcher.tell(ended)
        if ended.waits:
            self._pulse.hurry()

    async def _look_again(self, agent_id: str, run_id: str) -> None:
        """Tell whoever watches a run what the store says of it."""
        run = await self.store.load_run(run_id)
        ended = await self.ended(run) if run is not None else None
        for watcher in self._watchers.get(agent_id, ()):
            if watcher.run_id == run_id:
                if ended is not None:
                    watcher.tell(ended)
                else:
                    watcher.fail(RunNotFound(f"no run {run_id}", run_id=run_id))

    # -- ticking ------------------------------------------------------------------------------------------------------

    def wake(self, agent_id: str) -> None:
        """See to the agent's mail: now, or when the turn under way is done."""
        self._mine.add(agent_id)
        if agent_id not in self._ticks and agent_id not in self._arriving:
            if not self._closing:
                self._tick(agent_id, self._held.get(agent_id))
            return
        self._again.add(agent_id)
        holding = self._held.get(agent_id)
        if holding is not None and holding.execution is not None:
            self._aside(self._interrupt(holding))

    async def _interrupt(self, holding: Holding) -> None:
        with contextlib.suppress(StoreError):  # the turn under way comes to the same trouble, and tells of it
            for item in (await read(holding)).commands:
                await interrupt(holding, item)

    def _tick(self, agent_id: str, holding: Holding | None) -> None:
        task = asyncio.create_task(self._turns(agent_id, holding))
        self._ticks[agent_id] = task

    async def _turns(self, agent_id: str, holding: Holding | None) -> None:
        """One turn after another until there is nothing to do: this is the tick."""
        try:
            holding = holding or await self._claim(agent_id)
            if holding is None:
                return
            self._held[agent_id] = holding
            while not self._closing and (holding.fresh or await take(holding)):
                end = await holding.go()
                await close(holding, end)
                if holding.released:
                    break
            if not holding.turns:
                self._idle[agent_id] = self.clock.now() + AFTER_NOTHING_MS
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
            else:
                for watcher in self._watchers.get(agent_id, ()):
                    if not watcher.news.done():
                        self._aside(self._look_again(agent_id, watcher.run_id))

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
        elif holding.execution is not None and holding.execution.is_started and not self._closing:
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
                    return await self._let_go(holding)

        self._aside(cool())

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
        if holding is not None:
            if holding.execution is not None:
                await holding.execution.abandon()
            try:
                await self.store.commit([Unclaim(agent_id, self.worker)])
            except StoreError as trouble:
                # No store to give the agent back to: nobody else takes it while this worker lives.
                if trouble.retryable:
                    self._aside(self._try_again(agent_id))
        for watcher in self._watchers.get(agent_id, ()):
            watcher.fail(error)

    async def _try_again(self, agent_id: str) -> None:
        if await self._nap(AFTER_TROUBLE_MS):
            self._troubled.pop(agent_id, None)
            self.wake(agent_id)

    # -- for the pulse ------------------------------------------------------------------------------------------------

    def fire(self, agent_id: str) -> None:
        """A timer of this agent is due."""
        if self.settings.recover or agent_id in self._mine:
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

    def nudge(self) -> None:
        """Another process wrote: there may be mail for what is held, and news of what is watched."""
        self._idle.clear()
        for agent_id in {*self._held, *self._watchers}:
            self.wake(agent_id)

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)
