"""A process: an engine on the shared disk that may die at any crash point, and one that begins in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

from disk import Disk, Port
from faults import Faults
from loop import SimulatedClock
from msgspec.structs import replace
from outside import for_ever
from purse import Purse

from perdure.base.ids import Ids
from perdure.bus.dispatching import Dispatcher
from perdure.bus.local import LocalBus
from perdure.bus.retention import Retention
from perdure.bus.rules import TopicRules
from perdure.kernel.engine import Engine
from perdure.kernel.program import Programs
from perdure.kernel.settings import Settings

SETTINGS = Settings(recover=True, linger_ms=400)


class Killed(BaseException):
    """Ends the step in which a process dies; nobody is there to see it."""


class Process:
    """`note` writes into the history of the world; `died` is set once nothing of it goes on."""

    def __init__(
        self,
        name: str,
        disk: Disk,
        programs: Programs,
        clock: SimulatedClock,
        chance: Random,
        faults: Faults,
        purse: Purse,
        rules: TopicRules,
        history: Callable[[str], None],
    ) -> None:
        self.name = name
        self.died = asyncio.Event()
        self._history = history
        self._chance = chance
        self._faults = faults
        self.port = Port(disk, chance, faults, self.die)
        self.engine = Engine(
            self.port,
            programs,
            clock=clock,
            ids=Ids(clock, chance.randbytes),
            project=Path("."),
            settings=replace(SETTINGS, pools=purse.pools),
            probe=self._probe,
        )
        self.bus = LocalBus(self.port, clock, rules=rules, poll_ms=SETTINGS.poll_ms)
        self.dispatcher = Dispatcher(self.bus, self.port, clock, self.engine.wake)
        self.retention = Retention(self.port, clock, rules, self.dispatcher)
        self.engine.published = self.dispatcher.changed

    def note(self, what: str) -> None:
        self._history(f"{self.name} {what}")

    async def start(self) -> None:
        self.note("began")
        await self.engine.start()
        self.dispatcher.start()

    async def stop(self) -> None:
        """End in good order, with a moment for effects under way."""
        self.note("stops")
        await self.dispatcher.stop()
        await self.bus.close()
        await self.engine.close(grace_ms=50)
        self.die("in good order")

    async def pause(self, seconds: float) -> None:
        """Let time pass, in which the process may end."""
        await asyncio.sleep(seconds)
        if self.port.is_dead:
            await for_ever()

    def die(self, where: str) -> None:
        if not self.port.is_dead:
            self.note(f"died {where}")
            self.port.is_dead = True
            self.died.set()

    def _probe(self, point: str) -> None:
        if self.port.is_dead:
            raise Killed
        if self._faults.dies(self._chance, point):
            self.die(f"at {point}")
            raise Killed
