"""A small world to tick agents in: a store in memory, a clock that is turned by hand, handlers that are functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure.base.clock import ManualClock, settle
from perdure.base.codec import pack, unpack
from perdure.base.envelope import Envelope
from perdure.base.errors import UnknownSpec
from perdure.base.ids import Ids, seeded
from perdure.kernel import records as r
from perdure.kernel.engine import Engine
from perdure.kernel.holding import Ended
from perdure.kernel.journal import decode
from perdure.kernel.program import Handler, Program
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import Deliver
from perdure.kernel.store.rows import RecordFilter, RunRow


class Shelf:
    """Programs by the name that stands for their spec's digest."""

    def __init__(self) -> None:
        self.programs: dict[str, Program] = {}

    async def program(self, digest: str) -> Program:
        if digest not in self.programs:
            raise UnknownSpec(f"no spec {digest}")
        return self.programs[digest]

    async def find(self, target: Any) -> tuple[str, bytes, Program]:
        return target, target.encode(), await self.program(target)


class Crash(BaseException):
    """The process ends here."""


class World:
    """One store and clock, any number of engines (processes) on it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        self.shelf = Shelf()
        self.crash_at = ""
        self.points: list[str] = []
        self._engines: list[Engine] = []
        self._opened = 0

    # -- what runs ----------------------------------------------------------------------------------------------------

    def handler(self, name: str = "spec", **rules: Any) -> Callable[[Handler], Handler]:
        """Make the decorated function the program of the spec `name`; `rules` are fields of `Program`."""

        def keep(handle: Handler) -> Handler:
            self.shelf.programs[name] = Program(handle, **rules)
            return handle

        return keep

    async def engine(self, **settings: Any) -> Engine:
        self._opened += 1
        ids = Ids(self.clock, seeded(self._opened))
        engine = Engine(
            self.store,
            self.shelf,
            clock=self.clock,
            ids=ids,
            project=Path("."),
            settings=Settings(**settings),
            probe=self._probe,
        )
        self._engines.append(engine)
        await engine.start()
        return engine

    @property
    def last(self) -> Engine:
        return self._engines[-1]

    def _probe(self, name: str) -> None:
        self.points.append(name)
        if name == self.crash_at:
            self.crash_at = ""
            raise Crash(name)

    # -- driving ------------------------------------------------------------------------------------------------------

    async def submit(self, payload: Any = "hi", to: str = "ann", spec: str = "spec", **fields: Any) -> RunRow:
        engine = self.last
        envelope = Envelope(**({"id": engine.ids.new("env")} | fields), to=to, payload=payload)
        return await engine.submit(envelope, spec, spec.encode(), self.shelf.programs[spec])

    async def run(self, payload: Any = "hi", to: str = "ann", spec: str = "spec", **fields: Any) -> Ended:
        """Send a message and wait until its run comes to rest."""
        return await self.rest(await self.submit(payload, to, spec, **fields))

    async def rest(self, run: RunRow) -> Ended:
        return await self.last.rest(run)

    async def tell(self, run: RunRow, kind: str, payload: Any = None, key: str = "", sender: str = "boss") -> None:
        """Hand an answer (to the wait `key`) or a command to a run."""
        engine = self.last
        envelope = Envelope(engine.ids.new("env"), run.agent_id, kind, payload, sender, correlation=key)
        await engine.tell(envelope, run)

    async def post(self, to: str, payload: Any = None, *, kind: str = "message", sender: str = "bob") -> None:
        """A message that begins no run by itself, as one that another agent sent."""
        envelope = Envelope(self.last.ids.new("env"), to, kind, payload, sender)
        await self.store.commit([Deliver(to, envelope.id, kind, pack(envelope), self.clock.now())])
        self.last.wake(to)

    async def pass_time(self, ms: int) -> None:
        await self.clock.advance(ms)

    async def quiet(self) -> None:
        """Let everything that can go on without the clock go on."""
        await settle(100)

    async def crash(self) -> None:
        """End the last engine as `kill -9` would: nothing more is written, nothing is given up."""
        engine = self._engines.pop()
        engine._closing = True
        engine.wake = engine.nudge = lambda *_: None  # type: ignore[method-assign]
        running = [*engine._ticks.values(), *engine._side]
        running += [one.execution._task for one in engine._held.values() if one.execution and one.execution._task]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await engine._pulse.stop()
        await self.clock.advance(5_000)  # its heartbeat lapses

    async def close(self) -> None:
        for engine in self._engines:
            await engine.close()
        self._engines.clear()

    # -- looking ------------------------------------------------------------------------------------------------------

    async def row(self, run: RunRow) -> RunRow:
        found = await self.store.load_run(run.id)
        assert found is not None
        return found

    async def records(self, run: RunRow | None = None, *types: str) -> list[tuple[str, r.Event]]:
        """(key, event) of a run's records, or of all."""
        wanted = RecordFilter(run.agent_id, run.id, types) if run is not None else RecordFilter(types=types)
        return [(one.key, decode(one)) for one in await self.store.records(wanted, limit=100_000)]

    async def told(self, run: RunRow | None = None) -> list[str]:
        """`type key` of a run's records: its story on one page."""
        return [f"{event.type} {key}".strip() for key, event in await self.records(run)]

    async def error(self, run: RunRow) -> dict[str, Any]:
        (_, finished) = (await self.records(run, "run.finished"))[-1]
        error: dict[str, Any] = unpack(finished.body)
        return error


class Outside:
    """Something beyond the run that counts what is done to it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def act(self, key: str) -> str:
        self.calls.append(key)
        return f"done {len(self.calls)}"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def outside() -> Outside:
    return Outside()
