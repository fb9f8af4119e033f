"""The bus port: publish, subscribe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from perdure.base.envelope import Envelope
from perdure.kernel.topics import QoS


class Event(msgspec.Struct, frozen=True, gc=False):
    """What a subscriber hears. `seq` is its place in the log, 0 for one that is not kept."""

    seq: int
    envelope: Envelope


class Published(msgspec.Struct, frozen=True, gc=False):
    """`seq` is the event's place in the log, 0 for one that is not kept. `is_new`: it was not there before."""

    id: str
    topic: str
    seq: int
    is_new: bool = True


class Subscriber(Protocol):
    """Events of one subscription, as they are iterated over; the more urgent ones of those that wait come first."""

    def __aiter__(self) -> AsyncIterator[Event]: ...
    async def __anext__(self) -> Event: ...
    async def take(self, most: int = 256) -> list[Event]:
        """All that wait, and where none does, the next; empty once it is closed."""
        ...

    @property
    def dropped(self) -> int:
        """How many events this subscriber has lost because it was too slow."""
        ...

    def close(self) -> None:
        """Hear nothing more; whoever waits for this subscriber goes on."""
        ...


class Bus(Protocol):
    async def publish(self, envelope: Envelope, *, durable: bool | None = None) -> Published:
        """Publish an event to the envelope's `topic`; a durable one is on disk when this returns, and one with an id
        that is in the log already is not published again. None for `durable`: as the settings say of the topic.

        Waits for subscribers as their QoS says, and raises BusFull where one is stuck. Raises InputError.
        """
        ...

    async def subscribe(
        self, pattern: str, *, qos: QoS = "batched", after: int | None = None, since_ms: int | None = None
    ) -> Subscriber:
        """Hear events of these topics: from now on, or first those in the log behind the seq `after`, or from the time
        `since_ms` (ms UTC) on. Raises InputError."""
        ...
