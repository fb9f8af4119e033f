"""A driver that is told what happens."""

from __future__ import annotations

from perdure.base.envelope import Envelope
from perdure.base.errors import WrongState

from .port import Sink


class MemoryDriver:
    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self._sink: Sink | None = None

    async def start(self, sink: Sink) -> None:
        self._sink = sink

    async def stop(self) -> None:
        self._sink = None

    async def push(self, envelope: Envelope) -> None:
        """Let this happen. Raises WrongState for a driver that is not started."""
        if self._sink is None:
            raise WrongState(f"the driver {self.name} is not started")
        await self._sink(envelope)
