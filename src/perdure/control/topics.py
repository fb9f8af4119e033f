"""The topics of a project: published to, asked, heard, and read again."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.agents.project import BusSettings
from perdure.base.codec import pack, unpack, unpack_as
from perdure.base.envelope import DEFAULT_PRIORITY, Envelope, answer_to
from perdure.base.errors import InputError, NoAnswer, VersionConflict
from perdure.base.topic import ADDRESS, check_pattern, check_topic, matches
from perdure.bus.dispatching import Dispatcher
from perdure.bus.hearer import Hearer, filter_of
from perdure.bus.local import LocalBus
from perdure.bus.port import Event, Published
from perdure.bus.retention import Retention
from perdure.bus.rules import WEEK_MS, TopicRule, TopicRules
from perdure.kernel.store.ops import MarkIs, PutMark, TrimEvents
from perdure.kernel.store.rows import MarkRow, Page, TopicRow
from perdure.kernel.topics import QoS

from .drivers.running import Drivers
from .drivers.sources import is_kept, source_of
from .starting import payload_of

if TYPE_CHECKING:
    from .runtime import Runtime

REPLIES = "reply"
"""The topics below this one are each for the answers to one request."""
REPLIES_KEPT_MS = 3_600_000
ANSWER_MS = 30_000
MOST = 1_000
"""Events that one page of the log holds at most."""


class Snapshot(msgspec.Struct, frozen=True):
    """What the events of a topic up to `seq` come to. `at` is when it was made (ms UTC)."""

    topic: str
    seq: int
    at: int
    state: Any


class Topics:
    """`rt.topics`. What is published here is heard in every process that has the project's store open."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        store, clock = runtime.store, runtime.clock
        rules = rules_of(runtime.project.bus)
        self.bus = LocalBus(store, clock, rules=rules, poll_ms=runtime.engine.settings.poll_ms)
        self._dispatcher = Dispatcher(self.bus, store, clock, runtime.engine.wake)
        self._is_closed = False
        self._sources = Drivers(self.bus.publish)
        self._kept_sources = Drivers(partial(self.bus.publish, durable=True))
        self._retention = Retention(store, clock, rules, self._dispatcher)

    async def start(self) -> None:
        """Deliver to the agents that subscribe, listen to the sources outside, and forget what is old."""
        self._dispatcher.start()
        await self._retention.start()
        runtime = self._runtime
        root, store, clock, ids = runtime.project.root, runtime.store, runtime.clock, runtime.ids
        for name, said in runtime.project.bus.sources.items():
            drivers = self._kept_sources if is_kept(said) else self._sources
            await drivers.put(name, [source_of(name, said, root=root, store=store, clock=clock, ids=ids)])
        await self._sources.start()
        await self._kept_sources.start()

    def listen(self) -> None:
        """Deliver events to the runs of this process that wait for them; where `start` was called, all are anyway."""
        if not self._is_closed:
            engine = self._runtime.engine
            self._dispatcher.start(lambda wanted: wanted.run_id != "" and engine.works_for(wanted.agent_id))
            self._dispatcher.changed()

    async def close(self) -> None:
        self._is_closed = True
        await self._sources.stop()
        await self._kept_sources.stop()
        await self._retention.stop()
        await self._dispatcher.stop()
        await self.bus.close()

    def heard(self) -> None:
        """The log or the subscriptions changed, by the doing of this process."""
        self._dispatcher.changed()

    # -- publishing ---------------------------------------------------------------------------------------------------

    async def publish(
        self,
        topic: str,
        payload: Any,
        *,
        id: str = "",
        kind: str = "event",
        sender: str = "operator",
        thread: str = "",
        correlation: str = "",
        causation: str = "",
        reply_to: str = "",
        hops: int = 0,
        priority: int = DEFAULT_PRIORITY,
        expires_in_ms: int | None = None,
        traceparent: str = "",
        tracestate: str = "",
        durable: bool | None = None,
    ) -> Published:
        """Publish an event: on disk when this returns, unless it is not `durable` (None: as the project says of the
        topic). The same `id` again changes nothing. `reply_to` is `topic:` and a topic. Raises InputError, and
        BusFull where it is not durable and a subscriber that has to be waited for takes nothing."""
        if reply_to and not reply_to.startswith(ADDRESS):  # an answer to an agent would answer whatever it waits for
            raise InputError(f"answers go to a topic, not to {reply_to[:80]!r}", hint="Write topic:my.answers.")
        now = self._runtime.clock.now()
        envelope = Envelope(
            id or self._runtime.ids.new("evt"),
            "",
            kind,
            payload if payload is None or isinstance(payload, str) else payload_of(payload),
            sender,
            topic,
            thread,
            correlation,
            causation,
            reply_to,
            hops,
            priority,
            None if expires_in_ms is None else now + expires_in_ms,
            traceparent,
            now,
            tracestate,
        )
        return await self.bus.publish(envelope, durable=durable)

    async def request(
        self, topic: str, payload: Any, *, timeout_ms: int = ANSWER_MS, sender: str = "operator", **more: Any
    ) -> Envelope:
        """Publish a request, and wait for the first answer to it: what a subscriber hands to `reply`, or the end of the
        run that it begins (see `kernel.answering`). Raises NoAnswer when the time is up. `more` is for `publish`."""
        if timeout_ms <= 0:
            raise InputError("a request waits for its answer; give it some time")
        id = self._runtime.ids.new("evt")
        answers = f"{REPLIES}.{id}"
        hearer = await self.bus.subscribe(answers)
        try:
            more = {"reply_to": f"{ADDRESS}{answers}", "correlation": id, "expires_in_ms": timeout_ms, **more}
            await self.publish(topic, payload, id=id, kind="request", sender=sender, **more)
            answer = await self.within(hearer, timeout_ms)
        finally:
            hearer.close()
        if answer is None:
            raise NoAnswer(f"nobody answered on {topic} within {timeout_ms} ms", topic=topic, timeout_ms=timeout_ms)
        return answer.envelope

    async def reply(self, to: Envelope, payload: Any, *, sender: str = "operator", id: str = "") -> Published:
        """Answer a request: to its `reply_to`, in its thread, with its correlation. Raises InputError."""
        topic, fields = answer_to(to)
        return await self.publish(topic, payload, id=id, kind="reply", sender=sender, **fields)

    # -- hearing ------------------------------------------------------------------------------------------------------

    async def subscribe(
        self,
        pattern: str,
        *,
        qos: QoS = "batched",
        after: int | None = None,
        since_ms: int | None = None,
        waited_for: bool = True,
        in_order: bool = False,
    ) -> Hearer:
        """Hear events in this process, from now on, or first those of the log behind `after` or from `since_ms` on:
        `async for event in await rt.topics.subscribe("orders.>")`. Close it in the end. Nobody who publishes waits
        for one that is not to be `waited_for`: it loses what is not kept and finds no room. `in_order` leaves
        priorities aside, so that who goes on behind the last seq that it saw misses nothing."""
        return await self.bus.subscribe(
            pattern, qos=qos, after=after, since_ms=since_ms, waited_for=waited_for, in_order=in_order
        )

    async def events(
        self, pattern: str = ">", *, after: int = 0, since_ms: int = 0, limit: int = 100, newest: bool = False
    ) -> list[Event]:
        """Events of the log, in order: the first `limit` of them, or the `newest`."""
        check_pattern(pattern)
        if not 1 <= limit <= MOST:
            raise InputError(f"a page has 1 to {MOST:,} events, not {limit}")
        filter = msgspec.structs.replace(filter_of(pattern), since=since_ms)
        found: list[Event] = []
        before: int | None = None
        while len(found) < limit:
            rows = await self._runtime.store.events(
                filter, after=after, before=before, limit=MOST, order="newest" if newest else "oldest"
            )
            found += [Event(row.seq, unpack_as(row.data, Envelope)) for row in rows if matches(pattern, row.topic)]
            if len(rows) < MOST:
                break
            after, before = (after, rows[-1].seq) if newest else (rows[-1].seq, None)
            await asyncio.sleep(0)
        return found[:limit][::-1] if newest else found[:limit]

    async def topics(self, prefix: str = "", *, limit: int = 100, cursor: str = "") -> Page[TopicRow]:
        """Topics that have events in the log, in order of their names."""
        return await self._runtime.store.topics(prefix, cursor=cursor, limit=limit)

    # -- places and snapshots -----------------------------------------------------------------------------------------

    async def position(self, consumer: str) -> int:
        """The last event that this consumer has acknowledged; one that is new begins at the end of the log."""
        name = _consumer(consumer)
        mark = await self._runtime.store.mark(name)
        if mark is None:
            last = await self._runtime.store.last_event()
            mark = MarkRow(name, last, self._runtime.clock.now())
            await self._runtime.store.commit([PutMark(mark)])
        return mark.seq

    async def acknowledge(self, consumer: str, seq: int) -> None:
        """Remember that this consumer is done with all events up to `seq`; it never goes back."""
        name, store = _consumer(consumer), self._runtime.store
        seq = min(seq, await store.last_event())
        while (mark := await store.mark(name)) is None or mark.seq < seq:
            moved = PutMark(MarkRow(name, seq, self._runtime.clock.now()))
            with contextlib.suppress(VersionConflict):  # it has acknowledged something else just now: look again
                await store.commit([moved], (MarkIs(name, None if mark is None else mark.seq),))

    async def snapshot(self, topic: str, state: Any, seq: int, *, trim: bool = False) -> Snapshot:
        """Keep what the events of a topic up to `seq` come to, so that whoever needs it begins there; with `trim` these
        events are forgotten, as far as agents that subscribe have had them."""
        made = Snapshot(check_topic(topic), seq, self._runtime.clock.now(), state)
        upto = min(seq, await self._dispatcher.floor()) if trim else 0
        kept = PutMark(MarkRow(f"snapshot:{topic}", seq, made.at, pack(state)))
        await self._runtime.store.commit([kept, *([TrimEvents(topic, upto, keep=0)] if trim else [])])
        return made

    async def last_snapshot(self, topic: str) -> Snapshot | None:
        mark = await self._runtime.store.mark(f"snapshot:{check_topic(topic)}")
        return None if mark is None else Snapshot(topic, mark.seq, mark.at, unpack(mark.data))

    async def trim(self) -> int:
        """Forget what is old now, as the rules of the topics say; gives how many events that were."""
        return await self._retention.trim()

    async def within(self, hearer: Hearer, ms: int) -> Event | None:
        """The next event of a hearer, None where none comes within `ms`."""
        answer = asyncio.ensure_future(anext(hearer, None))
        pause = asyncio.ensure_future(self._runtime.clock.sleep(ms))
        try:
            await asyncio.wait((answer, pause), return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            for task in (answer, pause):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def _consumer(name: str) -> str:
    if not 1 <= len(name) <= 128 or not name.isprintable():
        raise InputError(f"not a consumer's name: {name[:40]!r}", hint="1 to 128 printable characters.")
    return f"consumer:{name}"


def rules_of(said: BusSettings) -> TopicRules:
    """What a project says of its topics."""
    default = TopicRule(said.durable, int(said.keep) if said.keep is not None else WEEK_MS, said.keep_events)
    rules = {f"{REPLIES}.>": TopicRule(keep_ms=REPLIES_KEPT_MS)}
    for pattern, one in said.topics.items():
        rules[pattern] = TopicRule(
            default.durable if one.durable is None else one.durable,
            default.keep_ms if one.keep is None else int(one.keep),
            default.keep_events if one.keep_events is None else one.keep_events,
        )
    return TopicRules(default, rules)
