"""The drivers of a process, by the agent that they work for."""

from __future__ import annotations

from collections.abc import Iterable

from .port import Driver, Sink


class Drivers:
    """Starts drivers once it is told to run; until then they are only remembered."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._of: dict[str, list[Driver]] = {}
        self._running = False

    @property
    def names(self) -> list[str]:
        return sorted(driver.name for drivers in self._of.values() for driver in drivers)

    async def put(self, owner: str, drivers: Iterable[Driver]) -> None:
        """These and no others work for `owner` from now on."""
        for driver in self._of.pop(owner, ()):
            await driver.stop()
        put = list(drivers)
        if put:
            self._of[owner] = put
        if self._running:
            for driver in put:
                await driver.start(self._sink)

    async def start(self) -> None:
        if not self._running:
            self._running = True
            for drivers in list(self._of.values()):
                for driver in drivers:
                    await driver.start(self._sink)

    async def stop(self) -> None:
        self._running = False
        for drivers in self._of.values():
            for driver in drivers:
                await driver.stop()
