"""The bus of one process: events that are kept go through the log of the store, all others from hand to hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from operator import attrgetter

import msgspec

from perdure.base.clock import Clock
from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import BusFull, StoreError
from perdure.base.topic import check_pattern
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import EventFilter
from perdure.kernel.topics import QoS, check_event
from perdure.namespace.signal import Signal

from .counts import BusStats, Counts
from .hearer import PAGE, Hearer, filter_of
from .port import Event, Published
from .rules import TopicRules
from .trie import Trie

ALL = EventFilter()
PATIENCE_MS = 10_000
"""How long who publishes waits for subscribers that are behind."""


async def _nobody(_: Envelope) -> None:
    pass


class LocalBus:
    """A `Bus` over a store that other processes may share: what they publish is heard here after `poll_ms` at most.

    `agents` is handed what is published and not kept, for the agents that subscribe to it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        rules: TopicRules | None = None,
        poll_ms: int = 250,
        patience_ms: int = PATIENCE_MS,
        agents: Callable[[Envelope], Awaitable[None]] = _nobody,
    ) -> None:
        self.store = store
        self.clock = clock
        self.counts = Counts()
        self.position = 0
        self.agents = agents
        self.logged = Signal()
        """Tells that there may be more in the log."""
        self.rules = rules or TopicRules()
        self.trouble: StoreError | None = None
        self._poll_ms = poll_ms
        self._patience_ms = patience_ms
        self._hearers: Trie[Hearer] = Trie()
        self._open: set[Hearer] = set()
        self._tail: asyncio.Task[None] | None = None

    # -- publishing ---------------------------------------------------------------------------------------------------

    async def publish(self, envelope: Envelope, *, durable: bool | None = None) -> Published:
        made = check_event(envelope)
        if durable is None:
            durable = self.rules.of(made.topic).durable
        if not durable:
            return await self._hand_on(envelope, len(made.data))
        ((seq, is_new),) = await self.store.commit((made,))
        if is_new:
            self.counts.published += 1
            self.logged.notify()
            await self._until(made.topic, attrgetter("holds_up"))
        return Published(made.id, made.topic, seq, is_new)

    async def _hand_on(self, envelope: Envelope, length: int) -> Published:
        await self.agents(envelope)  # whoever tries again with the same id delivers nothing twice to them
        if not await self._until(envelope.topic, attrgetter("is_behind")):
            raise BusFull(f"a subscriber of {envelope.topic} takes nothing", topic=envelope.topic)
        self.counts.published += 1
        event = Event(0, envelope)
        for hearer in self._hearers.match(envelope.topic):
            hearer.put(event, length)
        return Published(envelope.id, envelope.topic, 0)

    # -- subscribing --------------------------------------------------------------------------------------------------

    async def subscribe(
        self,
        pattern: str,
        *,
        qos: QoS = "batched",
        after: int | None = None,
        since_ms: int | None = None,
        capacity: int | None = None,
        waited_for: bool = True,
        in_order: bool = False,
    ) -> Hearer:
        check_pattern(pattern)
        if since_ms is not None:
            found = await self.store.events(msgspec.structs.replace(filter_of(pattern), since=since_ms), limit=1)
            after = found[0].seq - 1 if found else None
        last = await self.store.last_event()
        if self._tail is None:
            self.position = last
            self._tail = asyncio.create_task(self._follow())
        attached = after is None or after >= last
        hearer = Hearer(
            self,
            pattern,
            qos,
            last if attached else after or 0,
            attached=attached,
            capacity=capacity,
            waited_for=waited_for,
            in_order=in_order,
        )
        self._hearers.add(pattern, hearer)
        self._open.add(hearer)
        return hearer

    def leave(self, hearer: Hearer) -> None:
        self._hearers.discard(hearer.pattern, hearer)
        self._open.discard(hearer)
        if not self._open and self._tail is not None:
            self._tail.cancel()
            self._tail = None

    @property
    def stats(self) -> BusStats:
        backlog = sum(hearer.backlog for hearer in self._open)
        counts = self.counts
        return BusStats(counts.published, counts.delivered, dict(counts.dropped), len(self._open), backlog)

    async def close(self) -> None:
        """End all subscriptions."""
        tail = self._tail
        for hearer in list(self._open):
            hearer.close()
        if tail is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await tail

    # -- the log ------------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Hand what comes into the log to those who are attached, for as long as anybody subscribes."""
        while True:
            count = self.logged.count
            try:
                rows = await self.store.events(ALL, after=self.position, limit=PAGE)
                self.trouble = None
            except StoreError as error:
                self.trouble, rows = error, []  # the store may come back
            for row in rows:
                self.position = row.seq
                hearers = self._hearers.match(row.topic)
                if hearers:
                    event = Event(row.seq, unpack_as(row.data, Envelope))
                    for hearer in hearers:
                        hearer.put_logged(event, len(row.data))
            if len(rows) < PAGE:
                await self.news(count)
            else:
                await asyncio.sleep(0)

    async def news(self, count: int) -> None:
        """Return when this process has published something, or it is time to look what others have."""
        told = asyncio.ensure_future(self.logged.beyond(count))
        pause = asyncio.ensure_future(self.clock.sleep(self._poll_ms))
        try:
            await asyncio.wait((told, pause), return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            pause.cancel()

    async def _until(self, topic: str, waits: Callable[[Hearer], bool]) -> bool:
        """Wait for subscribers of the topic of which `waits` holds. False where that takes too long."""
        pause: asyncio.Future[None] | None = None
        try:
            while (slow := next((one for one in self._hearers.match(topic) if waits(one)), None)) is not None:
                pause = pause or asyncio.ensure_future(self.clock.sleep(self._patience_ms))
                room = slow.room()
                try:
                    await asyncio.wait((room, pause), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    room.cancel()
                if pause.done():
                    return False
            return True
        finally:
            if pause is not None:
                pause.cancel()
