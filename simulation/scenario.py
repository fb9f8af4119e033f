"""One world from one seed: clients, an operator, processes that die, and then a calm in which everything has to end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import blake2b
from random import Random
from typing import Any

import books
import msgspec
import topics
from disk import Disk
from faults import Faults
from loop import MIDNIGHT_MS, SimulatedClock, SimulatedLoop, Stuck
from outside import Outside
from people import Operator
from process import Killed, Process
from purse import Purse
from topics import TOPICS, Reader
from work import Plan, Worker, draw

import flows
from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError, StoreError
from perdure.base.topic import matches
from perdure.bus.rules import TopicRule, TopicRules
from perdure.flows.spec import FlowSpec
from perdure.kernel.store.ops import PutAgent, PutSpec, SetLimit
from perdure.kernel.store.rows import ENDED, AgentRow, RunFilter, RunRow
from perdure.kernel.topics import subscribe

STORMY_S = 25.0
CALM_S = 3_600.0
"""How long, of its own time, a world may take to come to an end once nothing goes wrong any more."""


class Broken(Exception):
    """A promise was broken."""


class Sent(msgspec.Struct):
    """A message of a client, for a worker with a plan or for one that carries out a flow: its run once it was accepted,
    and whether somebody asked for its end."""

    to: str
    number: int
    plan: Plan = []
    flow: str = ""
    run: RunRow | None = None
    is_cancelled: bool = False


class World:
    def __init__(self, seed: int, *, forget_fences: bool = False) -> None:
        self.chance = Random(seed)
        self.faults = Faults.drawn(self.chance)
        self.faults.forget_fences = forget_fences
        self.history: list[str] = []
        self.disk = Disk()
        self.outside = Outside(self.chance, self.faults)
        self.agents = [f"agent{number}" for number in range(self.chance.randint(1, 4))]
        self.flows = self._flows()
        self.purse = Purse.drawn(self.chance)
        self.subscriptions = topics.drawn(self.chance, self.agents)
        self.is_trimmed = self.chance.random() < 0.3  # then old events are forgotten
        self.rules = TopicRules(TopicRule(keep_ms=2_000 if self.is_trimmed else None))
        self.reader = Reader(self) if not self.is_trimmed and self.chance.random() < 0.5 else None
        self.told: list[str] = []  # events that were accepted
        self.since = MIDNIGHT_MS - self.chance.choice([40_000, 43_200_000])
        self.processes: list[Process] = []
        self.sent: list[Sent] = []
        self.stopped: set[str] = set()  # workers that ended in good order
        self._many = self.chance.randint(1, 3)
        self._began = 0
        self._is_stormy = True

    def note(self, what: str) -> None:
        self.history.append(f"{asyncio.get_running_loop().time():10.3f} {what}")

    def _flows(self) -> list[FlowSpec]:
        """One or two flows that runs may carry out, in some worlds."""
        many = self.chance.choice([0, 0, 1, 2])
        plan = partial(draw, self.chance, self.agents, "event", 2)
        return [flows.draw(self.chance, f"flow{number}", plan) for number in range(many)]

    def _settle(self) -> None:
        """Agents come to be, and hear from now on."""
        rows = [AgentRow(agent, "worker", self.since) for agent in self.agents]
        heard = [subscribe(one, 0, now=self.since) for one in self.subscriptions]
        self.disk.commit([PutSpec("worker", b"worker", self.since), *(PutAgent(row) for row in rows), *heard], ())

    # -- the whole ----------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Everything from the beginning to the end. Raises Broken."""
        self.note(f"{self._many} processes, {len(self.agents)} agents, {self.faults}, {self.purse}")
        self._settle()
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._many)]
        people = [asyncio.create_task(Operator(self).work())]
        if self.reader is not None:
            people.append(asyncio.create_task(self.reader.work()))
        clients = [asyncio.create_task(self._send(number)) for number in range(self.chance.randint(1, 3))]
        await asyncio.sleep(self.chance.uniform(1.0, STORMY_S))
        self.faults.calm()
        self._is_stormy = False
        self.note("calm")
        _, waiting = await asyncio.wait(clients, timeout=CALM_S)
        for keeper in keepers:
            if keeper.done():
                keeper.result()  # no process can be begun: that is a fault of ours
        if waiting:
            raise Broken("after an hour of calm clients are at it still")
        await self._end()
        for task in (*people, *keepers):
            task.cancel()
        for process in self.processes:
            await self._stop(process)
        wrong = await books.wrong(self)
        if wrong:
            raise Broken("\n".join(wrong))

    async def _end(self) -> None:
        """Wait until nothing is left to do."""
        loop = asyncio.get_running_loop()
        until = loop.time() + CALM_S
        while loop.time() < until:
            await asyncio.sleep(1)
            if not await self.open() and not await self._mail() and await self._heard():
                return
        rows = ", ".join(f"{run.id} of {run.agent_id} is {run.status} {run.waiting_for}" for run in await self.open())
        raise Broken(f"after an hour of calm: {rows or await self._mail()}")

    async def _heard(self) -> bool:
        """Whether every event has come to all who subscribe."""
        for wanted in self.subscriptions:
            last = max((one.seq for one in self.disk.log if matches(wanted.pattern, one.topic)), default=0)
            mark = await self.disk.store.mark(wanted.mark)
            if mark is None or mark.seq < last:
                return False
        return self.reader is None or len(self.reader.read) >= len(self.disk.log)

    async def open(self) -> list[RunRow]:
        page = await self.disk.store.runs(RunFilter(), limit=100_000)
        return [run for run in page.items if run.status not in ENDED]

    async def _mail(self) -> list[str]:
        page = await self.disk.store.agents(limit=10_000)
        return [agent.id for agent in page.items if await self.disk.store.mail_count(agent.id)]

    # -- processes ----------------------------------------------------------------------------------------------------

    async def _keep(self, number: int) -> None:
        """One process after another, each begun a while after the last has ended."""
        loop = asyncio.get_running_loop()
        clock = SimulatedClock(loop, self.since, self.chance.randint(-300, 300))
        while True:
            self._began += 1
            worker = Worker(self.outside, self.purse, self.flows)
            process = Process(
                f"p{self._began}",
                self.disk,
                worker,
                clock,
                self.chance,
                self.faults,
                self.purse,
                self.rules,
                self.note,
            )
            worker.process = process
            self.processes.append(process)
            await process.start()
            if self._is_stormy and self.chance.random() < 0.3:
                await asyncio.sleep(self.chance.uniform(0.5, 10.0))
                if self.chance.random() < 0.5:
                    await self._stop(process)
                else:
                    process.die("at some moment")
            await process.died.wait()
            self.processes.remove(process)
            await asyncio.sleep(self.chance.uniform(0.0, 4.0))

    async def _stop(self, process: Process) -> None:
        """End a process in good order, where it does not die on the way."""
        if process.port.is_dead:
            return
        stopping = asyncio.create_task(process.stop())
        died = asyncio.create_task(process.died.wait())
        await asyncio.wait((stopping, died), return_when=asyncio.FIRST_COMPLETED)
        if stopping.done() and not process.port.kept:
            self.stopped.add(process.engine.worker)

    async def alive(self) -> Process:
        while True:
            alive = [process for process in self.processes if not process.port.is_dead]
            if alive:
                return self.chance.choice(alive)
            await asyncio.sleep(0.1)

    # -- who asks -----------------------------------------------------------------------------------------------------

    async def _send(self, number: int) -> None:
        """A client: one message after another, each again under its id until it is accepted."""
        for count in range(self.chance.randint(1, 8)):
            await asyncio.sleep(self.chance.expovariate(1.0))
            place = number * 100 + count
            if self.chance.random() < 0.15:
                plan = draw(self.chance, self.agents, f"m{place}", 1)
                await self.publish(f"evt_m{place}", self.chance.choice(TOPICS), {"plan": plan})
                continue
            sent = self._drawn(place)
            self.sent.append(sent)
            while sent.run is None:
                sent.run = await self._submit(await self.alive(), sent)
            self.note(f"accepted m{place} for {sent.to} as {sent.run.id}")
            if self.chance.random() < (0.25 if sent.flow else 0.1):
                await asyncio.sleep(self.chance.uniform(0.0, 3.0))
                sent.is_cancelled = True
                await self.tell(sent.run, "cancel")

    def _drawn(self, place: int) -> Sent:
        if self.flows and self.chance.random() < 0.4:
            flow = self.chance.choice(self.flows).name
            return Sent(f"{flow}-{self.chance.randint(1, 2)}", place, flow=flow)
        return Sent(self.chance.choice(self.agents), place, draw(self.chance, self.agents, f"m{place}"))

    async def _submit(self, process: Process, sent: Sent) -> RunRow | None:
        envelope = Envelope(
            f"env_m{sent.number}",
            sent.to,
            payload={} if sent.flow else {"number": sent.number, "plan": sent.plan},
            sender=f"client{sent.number // 100}",
        )
        spec, document, program = await process.engine.programs.find(sent.flow or "worker")
        try:
            async with asyncio.timeout(2):
                return await process.engine.submit(envelope, spec, document, program)
        except (TimeoutError, StoreError, Killed):
            return None

    async def tell(self, run: RunRow, kind: str, payload: Any = None, key: str = "") -> None:
        """Hand something to a run, until it is on disk."""
        id = f"env_{self.chance.getrandbits(64):x}"
        envelope = Envelope(id, run.agent_id, kind, payload, "op", correlation=key)
        await self._insist(lambda process: process.engine.tell(envelope, run))

    async def publish(self, id: str, topic: str, payload: Any) -> None:
        """Publish an event, again under its id until it is accepted."""
        envelope = Envelope(id, "", "event", payload, "op", topic)
        await self._insist(lambda process: process.bus.publish(envelope))
        self.told.append(id)
        self.note(f"published {id}")

    async def limit(self, scope: str, limit: int) -> None:
        """Give a budget another limit."""
        await self._insist(lambda process: process.port.commit([SetLimit(scope, limit)]))

    async def _insist(self, ask: Callable[[Process], Awaitable[Any]]) -> None:
        while True:
            process = await self.alive()
            try:
                async with asyncio.timeout(2):
                    await ask(process)
                return
            except (TimeoutError, StoreError, Killed):
                pass


def run(seed: int, *, forget_fences: bool = False) -> tuple[list[str], str, str]:
    """What happened in the world of a seed, a digest of it, and what was wrong: "" where all is well."""
    loop = SimulatedLoop()
    world = World(seed, forget_fences=forget_fences)
    loop.set_exception_handler(lambda _, context: _complain(world, context))
    wrong = ""
    try:
        loop.run_until_complete(world.live())
    except Broken as broken:
        wrong = str(broken)
    except Stuck:
        wrong = "everybody waits, and nothing is ever to come"
    except PerdureError as error:
        wrong = f"{type(error).__name__}: {error}"
    finally:
        loop.leave()
    world.history.append(f"{loop.time():10.3f} {wrong or 'all is well'}")
    digest = blake2b("\n".join(world.history).encode(), digest_size=8).hexdigest()
    return world.history, digest, wrong


def _complain(world: World, context: dict[str, Any]) -> None:
    """A step that ended in a way nobody asks about: fine where its process died in it."""
    error = context.get("exception")
    if not isinstance(error, Killed):
        world.history.append(f"           unheard: {context['message']} {error!r}")
