"""One world from one seed: clients, an operator, processes that die, and then a calm in which everything has to end."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from random import Random
from typing import Any

import books
import msgspec
from disk import Disk
from faults import Faults
from loop import SimulatedClock, SimulatedLoop, Stuck
from outside import Outside
from process import Killed, Process
from work import Plan, Worker, draw

from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError, StoreError
from perdure.kernel import records as r
from perdure.kernel.journal import fold
from perdure.kernel.store.rows import ENDED, RecordFilter, RunFilter, RunRow

STORMY_S = 40.0
CALM_S = 3_600.0
"""How long, of its own time, a world may take to come to an end once nothing goes wrong any more."""


class Broken(Exception):
    """A promise was broken."""


class Sent(msgspec.Struct):
    """A message of a client: its run once it was accepted, and whether somebody asked for its end."""

    to: str
    number: int
    plan: Plan
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
        self.processes: list[Process] = []
        self.sent: list[Sent] = []
        self.stopped: set[str] = set()  # workers that ended in good order
        self._many = self.chance.randint(1, 3)
        self._began = 0
        self._is_stormy = True

    def note(self, what: str) -> None:
        self.history.append(f"{asyncio.get_running_loop().time():10.3f} {what}")

    # -- the whole ----------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Everything from the beginning to the end. Raises Broken."""
        self.note(f"{self._many} processes, {len(self.agents)} agents, {self.faults}")
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._many)]
        operator = asyncio.create_task(self._operate())
        clients = [asyncio.create_task(self._send(number)) for number in range(self.chance.randint(1, 3))]
        await asyncio.sleep(self.chance.uniform(1.0, STORMY_S))
        self.faults.calm()
        self._is_stormy = False
        self.note("calm")
        await asyncio.wait(clients)
        await self._end()
        operator.cancel()
        for keeper in keepers:
            keeper.cancel()
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
            if not await self._open() and not await self._mail():
                return
        rows = ", ".join(f"{run.id} of {run.agent_id} is {run.status} {run.waiting_for}" for run in await self._open())
        raise Broken(f"after an hour of calm: {rows or await self._mail()}")

    async def _open(self) -> list[RunRow]:
        page = await self.disk.store.runs(RunFilter(), limit=100_000)
        return [run for run in page.items if run.status not in ENDED]

    async def _mail(self) -> list[str]:
        page = await self.disk.store.agents(limit=10_000)
        return [agent.id for agent in page.items if await self.disk.store.mail_count(agent.id)]

    # -- processes ----------------------------------------------------------------------------------------------------

    async def _keep(self, number: int) -> None:
        """One process after another, each begun a while after the last has ended."""
        loop = asyncio.get_running_loop()
        clock = SimulatedClock(loop, self.chance.randint(-300, 300))
        while True:
            self._began += 1
            worker = Worker(self.outside)
            process = Process(f"p{self._began}", self.disk, worker, clock, self.chance, self.faults, self.note)
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
        if stopping.done():
            self.stopped.add(process.engine.worker)

    async def _alive(self) -> Process:
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
            to = self.chance.choice(self.agents)
            sent = Sent(to, place, draw(self.chance, self.agents, f"m{place}"))
            self.sent.append(sent)
            while sent.run is None:
                process = await self._alive()
                sent.run = await self._submit(process, sent)
            self.note(f"accepted m{place} for {to} as {sent.run.id}")
            if self.chance.random() < 0.1:
                await asyncio.sleep(self.chance.uniform(0.0, 3.0))
                sent.is_cancelled = True
                await self._tell(sent.run, "cancel")

    async def _submit(self, process: Process, sent: Sent) -> RunRow | None:
        envelope = Envelope(
            f"env_m{sent.number}",
            sent.to,
            payload={"number": sent.number, "plan": sent.plan},
            sender=f"client{sent.number // 100}",
        )
        program = await process.engine.programs.program("worker")
        try:
            async with asyncio.timeout(2):
                return await process.engine.submit(envelope, "worker", b"worker", program)
        except (TimeoutError, StoreError, Killed):
            return None

    async def _tell(self, run: RunRow, kind: str, payload: Any = None, key: str = "") -> None:
        """Hand something to a run, until it is on disk."""
        while True:
            process = await self._alive()
            envelope = Envelope(
                f"env_{self.chance.getrandbits(64):x}", run.agent_id, kind, payload, "op", correlation=key
            )
            try:
                async with asyncio.timeout(2):
                    return await process.engine.tell(envelope, run)
            except (TimeoutError, StoreError, Killed):
                pass

    async def _operate(self) -> None:
        """A person who answers what runs ask, and finds out what became of what is in doubt."""
        while True:
            await asyncio.sleep(self.chance.uniform(0.5, 3.0))
            for run in await self._open():
                if run.status != "waiting" or run.waiting_for not in ("approval", "in_doubt"):
                    continue
                for key, wait in (await self._waits(run)).items():
                    if wait.kind == "approval":
                        await self._tell(run, "approval", "yes", key)
                    elif wait.kind == "in_doubt":
                        label = wait.about["request"]
                        how = "done" if self.outside.acts[label] else self.chance.choice(["retry", "fail"])
                        decision = {"how": how, "value": f"did {label}", "who": "op", "why": ""}
                        decision["attempt"] = wait.about["attempt"]
                        self.note(f"resolves {label}: {how}")
                        await self._tell(run, "resolve", decision, key)

    async def _waits(self, run: RunRow) -> dict[str, r.Wait]:
        """What the run waits for and was not given."""
        found = await self.disk.store.records(RecordFilter(run.agent_id, run.id), limit=100_000)
        journal = fold(found)
        return {key: wait for key, wait in journal.waits.items() if key not in {*journal.answers, *journal.resolved}}


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
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        loop.close()
    world.history.append(f"{loop.time():10.3f} {wrong or 'all is well'}")
    digest = blake2b("\n".join(world.history).encode(), digest_size=8).hexdigest()
    return world.history, digest, wrong


def _complain(world: World, context: dict[str, Any]) -> None:
    """A step that ended in a way nobody asks about: fine where its process died in it."""
    error = context.get("exception")
    if not isinstance(error, Killed):
        world.history.append(f"           unheard: {context['message']} {error!r}")
