"""Events reach agents: from the log into the inboxes of those that subscribe, each once.

What is delivered, and the mark that says how far the subscription has come, are committed together, on condition that
the mark stands where it was found: however many processes do this, and wherever one of them ends, an event is delivered
once for each subscription.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from perdure.base.background import Background
from perdure.base.clock import Clock
from perdure.base.codec import pack, to_json, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import AgentNotFound, InboxFull, StoreError, VersionConflict
from perdure.base.topic import matches
from perdure.kernel.inbox import ANSWERS, COMMANDS
from perdure.kernel.store.ops import Deliver, DropMark, MarkIs, Op, PutMark
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import ENDED, EventFilter, EventRow, MarkRow
from perdure.kernel.topics import MARKS, Subscription

from .hearer import filter_of
from .local import LocalBus
from .trie import Trie

PAGE = 256
CAPACITY = 1024
"""Events of topics that wait in an agent's inbox beside its other mail, at most."""
HEARD_AT_ONCE = 64
"""Events that wait for a run that listens: more would stand before what else its agent is sent."""
FOR_RUNS = 0
"""Priority of what a run listens to: behind answers and commands, before what waits to begin a run."""
AFTER_TROUBLE_MS = 1_000
FAR_BEHIND = 10_000
"""Events by which a mark may lie behind those that its subscription did not want."""
ALL = EventFilter()
_OWN = ANSWERS | COMMANDS | {"initialize", "terminate", "alarm", "schedule", "manual", "timer"}
"""Kinds that mean something to the kernel: an event that somebody published is none of these."""


class Place:
    """A subscription, and how far it has come: `stored` is what its mark says."""

    __slots__ = ("events", "position", "stored", "wanted")

    def __init__(self, wanted: Subscription, stored: int) -> None:
        self.wanted = wanted
        self.stored = stored
        self.position = stored
        self.events: list[EventRow] = []


class Dispatcher:
    """Delivers while it is started. One per process."""

    def __init__(self, bus: LocalBus, store: Store, clock: Clock, wake: Callable[[str], None]) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._wake = wake
        self._places: dict[str, Place] = {}
        self._trie: Trie[str] = Trie()
        self._stalled: dict[str, int] = {}  # mark → when to try again
        self._stale = True
        self._head = 0  # the last event that was looked at for all
        self._seen = -1
        self._only: Callable[[Subscription], bool] | None = None
        self._work = Background(self._run)
        self.trouble: StoreError | None = None

    def start(self, only: Callable[[Subscription], bool] | None = None) -> None:
        """Deliver from now on, to all that subscribe or only to some; what was started is not started again."""
        if not self._work.is_running:
            self._only = only
            self._bus.agents = self.hand_over
            self._work.start()

    async def stop(self) -> None:
        await self._work.stop()

    def changed(self) -> None:
        """Subscriptions were made or ended."""
        self._stale = True
        self._bus.logged.notify()

    async def floor(self) -> int:
        """Up to which seq every subscription has had its events: what may be forgotten."""
        await self._load()
        for place in list(self._places.values()):
            if place.wanted.run_id:
                await self._may_hear(place.wanted)  # one whose run has ended goes
        if self._stale:
            await self._load()
        await self._move_marks(0)
        return min((place.stored for place in self._places.values()), default=await self._store.last_event())

    # -- the log ------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            count = self._bus.logged.count
            try:
                idle = not await self._round()
                self.trouble = None
            except StoreError as error:
                self.trouble, idle = error, True  # the store may come back
            if idle:
                await self._bus.news(count)

    async def _round(self) -> bool:
        """Deliver a page of the log. False where there was nothing to do."""
        changed = self._store.changed()
        if self._stale or changed != self._seen:
            self._stale, self._seen = False, changed
            await self._load()
        now = self._clock.now()
        ready = {
            name: place
            for name, place in self._places.items()
            if self._stalled.get(name, 0) <= now and (self._only is None or self._only(place.wanted))
        }
        if not ready:
            return False
        behind = [place for place in ready.values() if place.position < self._head]
        await asyncio.gather(*(self._catch_up(place, self._head) for place in behind))
        rows = await self._store.events(ALL, after=self._head, limit=PAGE)
        if rows:
            last, before = rows[-1].seq, self._head
            for row in rows:
                for name in self._trie.match(row.topic):
                    place = ready.get(name)
                    if place is not None and place.position >= before and row.seq > place.position:
                        place.events.append(row)
            self._head = last
            level = [place for place in ready.values() if place.position >= before]
            await asyncio.gather(*(self._deliver(place, last) for place in level))
            await self._move_marks(FAR_BEHIND)
        return bool(rows or behind)

    async def _catch_up(self, place: Place, head: int) -> None:
        """Deliver a page of what a subscription wants that is behind the others."""
        pattern = place.wanted.pattern
        rows = await self._store.events(filter_of(pattern), after=place.position, limit=PAGE)
        place.events = [row for row in rows if matches(pattern, row.topic)]
        await self._deliver(place, rows[-1].seq if len(rows) == PAGE else max(head, place.position))

    async def _load(self) -> None:
        """The subscriptions as they are now; those known keep what they know."""
        found: dict[str, Place] = {}
        cursor = ""
        while True:
            page = await self._store.marks(MARKS, cursor=cursor, limit=1_000)
            for mark in page.items:
                known = self._places.get(mark.name)
                if known is not None and mark.seq <= known.position:
                    known.stored = mark.seq
                    found[mark.name] = known
                else:
                    found[mark.name] = Place(unpack_as(mark.data, Subscription), mark.seq)
            cursor = page.next
            if not cursor:
                break
        self._trie = Trie()
        for name, place in found.items():
            self._trie.add(place.wanted.pattern, name)
        if not self._places:  # nobody was looked at before
            self._head = min((place.position for place in found.values()), default=0)
        self._places = found
        self._stalled = {name: until for name, until in self._stalled.items() if name in found}

    # -- one subscription ---------------------------------------------------------------------------------------------

    async def _deliver(self, place: Place, last: int) -> None:
        """Deliver what a subscription wants, and move its mark to `last`; or leave both for later."""
        events, place.events = place.events, []
        if not events:
            place.position = max(place.position, last)
            return
        wanted, name = place.wanted, place.wanted.mark
        if wanted.run_id and not await self._may_hear(wanted):
            self._stalled[name] = self._clock.now() + AFTER_TROUBLE_MS
            return
        now = self._clock.now()
        moved = PutMark(MarkRow(name, last, now, pack(wanted), wanted.agent_id))
        try:
            await self._store.commit([*deliveries(wanted, events, now=now), moved], (MarkIs(name, place.stored),))
        except InboxFull:
            self._stalled[name] = now + AFTER_TROUBLE_MS
        except (VersionConflict, AgentNotFound):  # another process did it, or the subscription has ended
            self._stale = True
            place.position = place.stored
        else:
            place.stored = place.position = last
            self._wake(wanted.agent_id)

    async def _may_hear(self, wanted: Subscription) -> bool:
        """Whether a run that listens has room for more; where it has ended, its subscription ends."""
        run = await self._store.load_run(wanted.run_id)
        if run is None or run.status in ENDED:
            await self._store.commit([DropMark(wanted.mark)])
            self._stale = True
            return False
        return await self._store.mail_count(wanted.agent_id) < HEARD_AT_ONCE

    async def _move_marks(self, far: int) -> None:
        """Write down how far subscriptions have come that wanted nothing for long."""
        for name, place in list(self._places.items()):
            if place.position - place.stored > far:
                mark = MarkRow(name, place.position, self._clock.now(), pack(place.wanted), place.wanted.agent_id)
                try:
                    await self._store.commit([PutMark(mark)], (MarkIs(name, place.stored),))
                except (VersionConflict, AgentNotFound):
                    self._stale = True
                else:
                    place.stored = place.position

    # -- events that are not kept -------------------------------------------------------------------------------------

    async def hand_over(self, envelope: Envelope) -> None:
        """Deliver an event that is in no log to the agents that subscribe to its topic."""
        if self._stale:
            self._stale = False
            await self._load()
        for place in [self._places[name] for name in self._trie.match(envelope.topic)]:
            wanted = place.wanted
            if self._only is not None and not self._only(wanted):
                continue
            if wanted.run_id and not await self._may_hear(wanted):
                continue
            with contextlib.suppress(AgentNotFound):
                ops = [_delivery(wanted, envelope, envelope.id, _payload(wanted, envelope), now=self._clock.now())]
                await self._store.commit(ops)
                self._wake(wanted.agent_id)


def deliveries(wanted: Subscription, rows: Sequence[EventRow], *, now: int) -> list[Op]:
    """What it takes for events to reach the agent that subscribes: an envelope each, or one for all (`batched`)."""
    events = [(row.seq, unpack_as(row.data, Envelope)) for row in rows]
    events = [one for one in events if one[1].expires_at is None or one[1].expires_at > now]
    if wanted.qos == "batched" and not wanted.run_id and len(events) > 1:
        seq, newest = events[-1]
        together = [{"topic": one.topic, "id": one.id, "payload": one.payload} for _, one in events]
        shown = msgspec.structs.replace(newest, topic=wanted.pattern)
        return [_delivery(wanted, shown, str(seq), _with_input(wanted, together), now=now)]
    return [_delivery(wanted, one, str(seq), _payload(wanted, one), now=now) for seq, one in events]


def _delivery(wanted: Subscription, event: Envelope, name: str, payload: Any, *, now: int) -> Op:
    envelope = msgspec.structs.replace(
        event,
        id=f"{wanted.id}/{name}",
        to=wanted.agent_id,
        kind="event" if event.kind in _OWN else event.kind,
        payload=payload,
        causation=event.causation or event.id,
    )
    return Deliver(
        wanted.agent_id,
        envelope.id,
        "reply" if wanted.run_id else envelope.kind,
        pack(envelope),
        now,
        run_id=wanted.run_id,
        priority=FOR_RUNS if wanted.run_id else envelope.priority,
        expires_at=envelope.expires_at,
        capacity=CAPACITY,
        policy="drop_oldest" if wanted.qos == "realtime" else "reject_new",
    )


def _payload(wanted: Subscription, event: Envelope) -> Any:
    return _with_input(wanted, event.payload, event.topic)


def _with_input(wanted: Subscription, payload: Any, topic: str = "") -> Any:
    if not wanted.input:
        return payload
    return f"{wanted.input}\n\n{topic} {to_json(payload).decode()}".rstrip()
