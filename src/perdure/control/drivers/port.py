"""The driver port: it knows the outside and nothing of agents; what it hands over is an envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from perdure.base.envelope import Envelope

Sink: TypeAlias = Callable[[Envelope], Awaitable[object]]
"""Accepts an envelope: it is on disk when this returns, and one that was accepted before is not accepted twice. Raises
PerdureError, such as InboxFull, where it is to be handed over again later."""


class Driver(Protocol):
    name: str
    """Unique among the drivers of a process."""

    async def start(self, sink: Sink) -> None:
        """Begin to hand over what happens. Each happening has an id of its own, the same after a restart."""
        ...

    async def stop(self) -> None:
        """Hand over nothing more; stopping again does nothing."""
        ...
