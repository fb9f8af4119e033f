"""The bus of one process: who hears what, what is lost and what waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.clock import ManualClock, SystemClock, settle
from perdure.base.envelope import MAX_HOPS, Envelope
from perdure.base.errors import BusFull, InputError
from perdure.bus.local import LocalBus
from perdure.bus.port import Subscriber
from perdure.bus.rules import TopicRule, TopicRules
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import EVENT_LIMIT, PublishEvent
from perdure.kernel.store.port import Store
from perdure.kernel.store.sqlite import SqliteStore

OpenStore = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def open_store(request: Any, tmp_path: Path) -> OpenStore:
    if request.param == "sqlite":
        return lambda: SqliteStore.open(tmp_path / "store.db")
    store = MemoryStore()
    return lambda: store


@asynccontextmanager
async def opened(open_store: OpenStore = MemoryStore, **more: Any) -> AsyncIterator[LocalBus]:
    store = open_store()
    bus = LocalBus(store, more.pop("clock", SystemClock()), **more)
    try:
        yield bus
    finally:
        await bus.close()
        if isinstance(store, SqliteStore):
            await store.close()


def event(n: int, topic: str = "a", **more: Any) -> Envelope:
    return Envelope(f"evt_{n}", "", "event", n, topic=topic, **more)


async def payloads(hearer: Subscriber, count: int) -> list[Any]:
    return [(await asyncio.wait_for(hearer.__anext__(), 5)).envelope.payload for _ in range(count)]


# -- what is kept -----------------------------------------------------------------------------------------------------


async def test_whoever_subscribes_hears_what_is_published_from_then_on(open_store: OpenStore) -> None:
    async with opened(open_store) as bus:
        await bus.publish(event(0, "a.b"))
        hearer = await bus.subscribe("a.*")
        assert (await bus.publish(event(1, "a.b"))).seq == 2
        await bus.publish(event(2, "b"))
        await bus.publish(event(3, "a.c.d"))
        heard = [await anext(hearer), await anext(hearer)]
        assert [(one.seq, one.envelope.topic, one.envelope.payload) for one in heard] == [
            (2, "a.b", 1),
            (4, "a.c.d", 3),
        ]


async def test_an_event_with_the_same_id_is_published_once(open_store: OpenStore) -> None:
    async with opened(open_store) as bus:
        hearer = await bus.subscribe("a")
        first, again = await bus.publish(event(1)), await bus.publish(event(1))
        await bus.publish(event(2))
        assert (first.is_new, again.is_new, first.seq == again.seq) == (True, False, True)
        assert await payloads(hearer, 2) == [1, 2]


async def test_the_log_is_heard_from_a_place_or_a_time_and_goes_on_with_what_is_new(open_store: OpenStore) -> None:
    async with opened(open_store) as bus:
        for n in range(600):  # more than is read at once
            await bus.publish(event(n, "a" if n % 2 else "b", created_at=n))
        by_place = await bus.subscribe("a", after=590)
        by_time = await bus.subscribe(">", since_ms=598)
        all_of_it = await bus.subscribe("a", after=0)
        await bus.publish(event(601, created_at=600))
        assert await payloads(by_place, 6) == [591, 593, 595, 597, 599, 601]
        assert await payloads(by_time, 3) == [598, 599, 601]
        assert await payloads(all_of_it, 301) == [*range(1, 601, 2), 601]
        await bus.publish(event(602))
        assert await payloads(all_of_it, 1) == [602]


async def test_a_cursor_of_another_log_begins_with_what_is_new() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", after=999)
        await bus.publish(event(1))
        assert await payloads(hearer, 1) == [1]


async def test_what_another_process_publishes_is_heard(tmp_path: Path) -> None:
    other = SqliteStore.open(tmp_path / "store.db")
    async with opened(lambda: SqliteStore.open(tmp_path / "store.db"), poll_ms=10) as bus:
        hearer = await bus.subscribe("a")
        envelope = event(1)
        await other.commit([PublishEvent(envelope.id, "a", msgpack(envelope), 1)])
        assert await payloads(hearer, 1) == [1]
    await other.close()


def msgpack(envelope: Envelope) -> bytes:
    from perdure.base.codec import pack

    return pack(envelope)


async def test_a_slow_subscriber_loses_nothing_that_is_kept_and_holds_up_nobody_else(open_store: OpenStore) -> None:
    async with opened(open_store) as bus:
        slow = await bus.subscribe("a", qos="batched", capacity=10)
        quick = await bus.subscribe("a", qos="batched")
        for n in range(700):
            await bus.publish(event(n))
        assert await payloads(quick, 700) == list(range(700))
        assert await payloads(slow, 700) == list(range(700)) and slow.dropped == 0
        await bus.publish(event(700))
        assert await payloads(slow, 1) == [700]


async def test_background_subscribers_hold_up_who_publishes(open_store: OpenStore) -> None:
    async with opened(open_store) as bus:
        slow = await bus.subscribe("a", qos="background", capacity=2)
        publishing = asyncio.create_task(publish(bus, 10))
        await settle(200)
        assert not publishing.done()
        assert await payloads(slow, 10) == list(range(10))
        assert await asyncio.wait_for(publishing, 5) == 10


async def publish(bus: LocalBus, count: int, **more: Any) -> int:
    for n in range(count):
        await bus.publish(event(n), **more)
    return count


# -- what is not kept -------------------------------------------------------------------------------------------------


async def test_what_is_not_kept_reaches_those_who_are_there() -> None:
    rules = TopicRules(rules={"tick.>": TopicRule(durable=False)})
    async with opened(rules=rules) as bus:
        hearer = await bus.subscribe(">")
        assert (await bus.publish(event(1, "tick.a"))).seq == 0
        assert (await bus.publish(event(2, "a"))).seq == 1
        assert (await bus.publish(event(3, "tick.a"), durable=True)).seq == 2
        assert sorted(await payloads(hearer, 3)) == [1, 2, 3]
        late = await bus.subscribe("tick.>", after=0)
        assert await payloads(late, 1) == [3]


async def test_realtime_loses_the_oldest_of_the_least_urgent_and_says_so() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", qos="realtime", capacity=3)
        for n, priority in enumerate((50, 10, 50, 90, 50)):
            await bus.publish(event(n, priority=priority), durable=False)
        assert await payloads(hearer, 3) == [1, 2, 4]
        assert hearer.dropped == 2 and bus.stats.dropped == {"queue_full": 2}
        assert (bus.stats.published, bus.stats.delivered, bus.stats.backlog) == (5, 3, 0)


async def test_realtime_loses_the_oldest_of_what_is_kept_too() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", qos="realtime", capacity=5)
        for n in range(20):
            await bus.publish(event(n))
        await settle()
        assert await payloads(hearer, 5) == [15, 16, 17, 18, 19] and hearer.dropped == 15


async def test_the_urgent_goes_first_and_the_expired_not_at_all() -> None:
    clock = ManualClock(1_000)
    async with opened(clock=clock) as bus:
        hearer = await bus.subscribe("a")
        for n, priority in enumerate((50, 90, 0, 50)):
            await bus.publish(event(n, priority=priority), durable=False)
        await bus.publish(event(4, priority=0, expires_at=1_500), durable=False)
        await clock.advance(500)
        assert await payloads(hearer, 4) == [2, 0, 3, 1]
        assert bus.stats.dropped == {"expired": 1} and bus.stats.backlog == 0


async def test_who_wants_the_order_of_the_log_gets_it_and_holds_up_nobody() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", in_order=True, waited_for=False, capacity=3)
        for n, priority in enumerate((50, 0, 99)):
            await bus.publish(event(n, priority=priority))
        await settle()
        await bus.publish(event(3, priority=0), durable=False)
        await bus.publish(event(4))
        assert await payloads(hearer, 4) == [0, 1, 2, 4] and hearer.dropped == 1


@pytest.mark.parametrize("qos", ["batched", "background"])
async def test_who_publishes_waits_for_room(qos: Any) -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", qos=qos, capacity=2)
        publishing = asyncio.create_task(publish(bus, 50, durable=False))
        await settle()
        assert not publishing.done() and bus.stats.backlog == 2
        assert await payloads(hearer, 50) == list(range(50))
        assert await publishing == 50 and hearer.dropped == 0


async def test_what_waits_is_bounded_in_bytes_too() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", waited_for=False, in_order=True)
        for n in range(30):
            await bus.publish(Envelope(f"large_{n}", "", payload="x" * 1_000_000, topic="a"), durable=n >= 20)
        assert hearer.dropped == 3 and hearer.backlog == 17
        assert len([await anext(hearer) for _ in range(27)]) == 27


async def test_a_batch_is_all_that_waits() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", qos="batched")
        await publish(bus, 5, durable=False)
        assert [one.envelope.payload for one in await hearer.take(3)] == [0, 1, 2]
        assert [one.envelope.payload for one in await hearer.take()] == [3, 4]
        hearer.close()
        assert await hearer.take() == []


async def test_who_takes_nothing_is_named_after_a_while_and_nobody_was_handed_anything() -> None:
    clock = ManualClock()
    async with opened(clock=clock, patience_ms=1_000) as bus:
        stuck, other = await bus.subscribe("a", capacity=1), await bus.subscribe("a")
        await bus.publish(event(1), durable=False)
        publishing = asyncio.create_task(bus.publish(event(2), durable=False))
        await clock.advance(1_000)
        with pytest.raises(BusFull) as told:
            await publishing
        assert told.value.retryable and other.backlog == 1
        publishing = asyncio.create_task(bus.publish(event(3), durable=False))
        await settle()
        stuck.close()
        await publishing
        assert await payloads(other, 2) == [1, 3]


async def test_a_subscriber_that_is_closed_hears_its_rest_no_more() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a")
        waiting = asyncio.create_task(anext(hearer, None))
        await settle()
        hearer.close()
        hearer.close()
        assert await waiting is None
        assert bus.stats.subscribers == 0 and (await bus.publish(event(1), durable=False)).seq == 0


@pytest.mark.parametrize(
    "wrong",
    [
        event(1, "a b"),
        event(1, "a.*"),
        event(1, ""),
        event(1, priority=101),
        event(1, priority=-1),
        event(1, hops=MAX_HOPS + 1),
        event(1, reply_to="topic:?"),
        Envelope("e", "", payload="x" * EVENT_LIMIT, topic="a"),
    ],
    ids=lambda one: one.topic[:5] or "-",
)
async def test_what_cannot_be_published_is_refused(wrong: Envelope) -> None:
    async with opened() as bus:
        for durable in (True, False):
            with pytest.raises(InputError):
                await bus.publish(wrong, durable=durable)
        assert bus.stats.published == 0


async def test_of_many_rules_the_most_particular_holds() -> None:
    rules = TopicRules(
        TopicRule(keep_events=1),
        {"a.>": TopicRule(keep_events=2), "a.*.c": TopicRule(keep_events=3), "a.b.c": TopicRule(keep_events=4)},
    )
    kept = {topic: rules.of(topic).keep_events for topic in ("x", "a.x", "a.x.y", "a.x.c", "a.b.c")}
    assert kept == {"x": 1, "a.x": 2, "a.x.y": 2, "a.x.c": 3, "a.b.c": 4}


# -- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [True, False])
async def test_twenty_subscribers_on_ten_topics_each_miss_nothing(open_store: OpenStore, durable: bool) -> None:
    async with opened(open_store) as bus:
        hearers = [
            await bus.subscribe(f"t.{(who + n) % 20}", qos="batched", capacity=16)
            for who in range(20)
            for n in range(10)
        ]
        heard = 0

        async def hear(hearer: Subscriber) -> None:
            nonlocal heard
            while events := await hearer.take():
                heard += len(events)

        hearing = [asyncio.create_task(hear(hearer)) for hearer in hearers]
        await asyncio.gather(*(bus.publish(event(n, f"t.{n % 20}"), durable=durable) for n in range(2_000)))
        async with asyncio.timeout(60):
            while heard < 2_000 * 10:
                await asyncio.sleep(0.01)
        for hearer in hearers:
            hearer.close()
        await asyncio.gather(*hearing)
        assert heard == 20_000 and bus.stats.dropped == {} and bus.stats.backlog == 0


async def test_many_publishers_share_the_room_of_one_subscriber() -> None:
    async with opened() as bus:
        hearer = await bus.subscribe("a", capacity=3)
        publishing = [asyncio.create_task(bus.publish(event(n), durable=False)) for n in range(500)]
        heard: list[Any] = []
        async with asyncio.timeout(30):
            while len(heard) < 500:
                heard += [one.envelope.payload for one in await hearer.take()]
        await asyncio.gather(*publishing)
        assert sorted(heard) == list(range(500))
