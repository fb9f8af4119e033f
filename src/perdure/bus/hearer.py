"""One live subscriber: events wait for it in memory while it keeps up, and in the log while it does not.

While it keeps up it is `attached`: new events of the log are put into its lanes. When these are full, a realtime
subscriber loses its oldest event; any other is detached, and reads on from the log by itself until it has caught up.
One that is handed events `in_order`, whatever their priority, can go on later behind the last seq that it saw.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from perdure.base.clock import Clock
from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.topic import is_plain, literal_prefix, matches
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import EventFilter
from perdure.kernel.topics import QoS

from .counts import Counts
from .lanes import Lanes
from .port import Event

CAPACITY: dict[QoS, int] = {"realtime": 512, "batched": 2048, "background": 4096}
"""Events that wait in memory for one subscriber."""
MOST_BYTES = 16 * 1024 * 1024
"""The same, in bytes."""
PAGE = 128
"""Events that are read from the log at once."""
TAKEN = 256
"""Events that are taken at once."""


class Source(Protocol):
    """What a subscriber hangs on: `position` is the last event of the log that was handed to the attached ones."""

    store: Store
    clock: Clock
    counts: Counts
    position: int

    def leave(self, hearer: Hearer) -> None: ...


class Hearer:
    """A `Subscriber`. `position` is the last event of the log that it was handed."""

    def __init__(
        self,
        source: Source,
        pattern: str,
        qos: QoS,
        position: int,
        *,
        attached: bool,
        capacity: int | None = None,
        waited_for: bool = True,
        in_order: bool = False,
    ) -> None:
        self.pattern = pattern
        self.qos: QoS = qos
        self.position = position
        self.attached = attached
        self.dropped = 0
        self.closed = False
        self._in_order = in_order
        self._waited_for = waited_for and qos != "realtime"
        self._source = source
        self._filter = filter_of(pattern)
        self._lanes = Lanes()
        self._capacity = CAPACITY[qos] if capacity is None else capacity
        self._some = asyncio.Event()
        self._waiting: deque[asyncio.Future[None]] = deque()

    # -- the side of whoever publishes --------------------------------------------------------------------------------

    @property
    def backlog(self) -> int:
        return self._lanes.size

    @property
    def is_full(self) -> bool:
        return self._lanes.size >= self._capacity or self._lanes.bytes >= MOST_BYTES

    @property
    def is_behind(self) -> bool:
        """Whether somebody who publishes has to wait for this subscriber."""
        return not self.closed and self._waited_for and self.is_full

    @property
    def holds_up(self) -> bool:
        """Whether somebody who published into the log has to wait for this subscriber."""
        behind = self.is_full or not self.attached
        return not self.closed and self._waited_for and self.qos == "background" and behind

    def put(self, event: Event, length: int) -> None:
        """Hand over an event. Where there is no room, a realtime subscriber loses its oldest; any other loses this one,
        which is not kept, and nobody waits for it."""
        if self.is_full:
            self.dropped += 1
            self._source.counts.dropped["queue_full"] += 1
            if self.qos != "realtime":
                return
            self._lanes.drop()
        self._keep(event, length)

    def put_logged(self, event: Event, length: int) -> None:
        """Hand over the next event of the log."""
        if not self.attached or event.seq <= self.position:
            return
        if self.is_full and self.qos != "realtime":
            self.attached = False  # it reads this one from the log
            self._some.set()
        else:
            self.put(event, length)
            self.position = event.seq

    def room(self) -> asyncio.Future[None]:
        """Is done when some of what waits has been taken, from this call on: there may be room."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        return waiting

    # -- the side of whoever hears ------------------------------------------------------------------------------------

    def __aiter__(self) -> Hearer:
        return self

    async def __anext__(self) -> Event:
        event = await self._next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def take(self, most: int = TAKEN) -> list[Event]:
        first = await self._next()
        taken = [] if first is None else [first]
        while taken and len(taken) < most and (event := self._pop()) is not None:
            taken.append(event)
        return taken

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._source.leave(self)
            self._some.set()
            self._let_on(len(self._waiting))

    async def _next(self) -> Event | None:
        while True:
            event = self._pop()
            if event is not None or self.closed:
                return event
            self._some.clear()
            if not self.attached:
                await self._read_on()
            else:
                await self._some.wait()

    def _keep(self, event: Event, length: int) -> None:
        self._lanes.put(event, length, 0 if self._in_order else event.envelope.priority)
        self._some.set()

    def _pop(self) -> Event | None:
        """The next event that has not expired."""
        while (event := self._lanes.pop()) is not None:
            if self._waiting:
                self._let_on(1)
            expires_at = event.envelope.expires_at
            if expires_at is None or expires_at > self._source.clock.now():
                self._source.counts.delivered += 1
                return event
            self._source.counts.dropped["expired"] += 1
        return None

    async def _read_on(self) -> None:
        """Read a page of the log, and attach where that was all."""
        source, seen = self._source, self._source.position
        rows = await source.store.events(self._filter, after=self.position, limit=PAGE)
        for row in rows:
            self.position = row.seq
            if matches(self.pattern, row.topic):
                self._keep(Event(row.seq, unpack_as(row.data, Envelope)), len(row.data))
        if len(rows) < PAGE:
            self.position = max(self.position, seen)
            self.attached = source.position <= self.position
        self._let_on(len(self._waiting))
        await asyncio.sleep(0)  # a store that answers at once would let nobody else work through a long log

    def _let_on(self, count: int) -> None:
        while count and self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                count -= 1


def filter_of(pattern: str) -> EventFilter:
    """What the log is asked for: all that the pattern chooses, and perhaps more."""
    return EventFilter(topic=pattern) if is_plain(pattern) else EventFilter(prefix=literal_prefix(pattern))
