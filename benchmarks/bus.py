"""Events through the bus of one process, over a SQLite file: as many as it takes, at a pace with mixed QoS, and 20
subscribers on 10 topics each. `--only-many` does nothing but the last, with old events forgotten as in a project, says
every minute how it stands, and ends with 1 where an event was missed or memory grew: `scripts/bus` does so for an hour.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from time import perf_counter

import uvloop
from measure import rss_mb

from perdure.base.clock import SystemClock
from perdure.base.envelope import Envelope
from perdure.base.histogram import Histogram
from perdure.bus.dispatching import Dispatcher
from perdure.bus.hearer import Hearer
from perdure.bus.local import LocalBus
from perdure.bus.retention import Retention
from perdure.bus.rules import TopicRule, TopicRules
from perdure.kernel.store.sqlite import SqliteStore

NUMBER = count()
RATE = 1_000
AGENTS, TOPICS = 20, 10
STEPS_MS = [0.01 * 1.05**step for step in range(320)]
"""Delays are counted in steps of five per cent, to a minute: an hour of them takes no more room than a second."""
KEPT = 10_000
"""Events of each topic that are kept in a run of an hour."""
GROWTH_MB = 64


def event(topic: str) -> Envelope:
    return Envelope(f"evt_{next(NUMBER)}", "", "event", perf_counter(), topic=topic)


async def hear(hearer: Hearer, delays: Histogram, wanted: int | None = None) -> None:
    """Take events until the subscription ends or so many have come, and note how long each was on its way (ms)."""
    while (wanted is None or delays.count < wanted) and (events := await hearer.take()):
        now = perf_counter()
        for one in events:
            delays.observe((now - one.envelope.payload) * 1000)


async def rate(bus: LocalBus, events: int, *, durable: bool, at_once: int) -> float:
    """Events a second from many publishers to one subscriber, from the first publication to the last delivery."""
    hearer = await bus.subscribe("load.>")
    each = events // at_once
    hearing = asyncio.create_task(hear(hearer, Histogram(STEPS_MS), each * at_once))

    async def publish(n: int) -> None:
        for _ in range(each):
            await bus.publish(event(f"load.{n % 8}"), durable=durable)

    began = perf_counter()
    await asyncio.gather(*(publish(n) for n in range(at_once)))
    await hearing
    hearer.close()
    return each * at_once / (perf_counter() - began)


async def paced(
    bus: LocalBus,
    hearers: Sequence[Hearer],
    topics: Sequence[str],
    seconds: float,
    each_minute: Callable[[int, Histogram], None] = lambda minute, delays: None,
) -> Histogram:
    """Delays at RATE events a second, every other one of them durable."""
    delays = Histogram(STEPS_MS)
    hearing = [asyncio.create_task(hear(hearer, delays)) for hearer in hearers]
    began, pending = perf_counter(), set[asyncio.Task[object]]()
    for n in range(round(seconds * RATE)):
        ahead = began + n / RATE - perf_counter()
        if ahead > 0.001:
            await asyncio.sleep(ahead)
        task: asyncio.Task[object] = asyncio.create_task(
            bus.publish(event(topics[n % len(topics)]), durable=n % 2 == 0)
        )
        pending.add(task)
        task.add_done_callback(pending.discard)
        if n and n % (60 * RATE) == 0:
            each_minute(n // (60 * RATE), delays)
    await asyncio.gather(*pending)
    await asyncio.sleep(0.5)
    for hearer in hearers:
        hearer.close()
    await asyncio.gather(*hearing)
    return delays


def p99(delays: Histogram) -> float:
    return next(bound for bound, count in delays.cumulative() if count >= delays.count * 0.99)


async def many(
    bus: LocalBus, seconds: float, each_minute: Callable[[int, Histogram], None] = lambda minute, delays: None
) -> dict[str, float]:
    """AGENTS subscribers on TOPICS topics each, at RATE events a second."""
    hearers = [
        await bus.subscribe(f"many.{(agent + n) % AGENTS}", qos="batched")
        for agent in range(AGENTS)
        for n in range(TOPICS)
    ]
    delays = await paced(bus, hearers, [f"many.{n}" for n in range(AGENTS)], seconds, each_minute)
    missed = round(seconds * RATE) * TOPICS - delays.count + sum(one.dropped for one in hearers)
    return {"many_p99_ms": p99(delays), "many_missed": missed}


async def measure(path: Path, events: int, seconds: float) -> dict[str, float]:
    store = SqliteStore.open(path)
    bus = LocalBus(store, SystemClock())
    found: dict[str, float] = {"events": events}
    found["events_per_s"] = await rate(bus, events, durable=False, at_once=8)
    found["kept_per_s"] = await rate(bus, events // 4, durable=True, at_once=256)
    mixed = [await bus.subscribe("mixed.>", qos=qos) for qos in ("realtime", "batched", "background")]
    found["mixed_p99_ms"] = p99(await paced(bus, mixed, [f"mixed.{n}" for n in range(8)], min(seconds, 10)))
    found |= await many(bus, seconds)
    await bus.close()
    await store.close()
    return found


async def only_many(path: Path, seconds: float) -> dict[str, float]:
    """`growth_mb` is what memory grew by since the first minute."""
    store, clock = SqliteStore.open(path), SystemClock()
    rules = TopicRules(TopicRule(keep_events=KEPT))
    bus = LocalBus(store, clock, rules=rules)
    retention = Retention(store, clock, rules, Dispatcher(bus, store, clock, lambda _: None))
    await retention.start()
    memory: list[float] = []

    def say(minute: int, delays: Histogram) -> None:
        memory.append(rss_mb())
        heard, p = delays.count, p99(delays)
        print(f"minute {minute}: {heard:,} heard, p99 {p:.1f} ms, {memory[-1]:.0f} MB", file=sys.stderr, flush=True)

    found = await many(bus, seconds, say)
    await retention.stop()
    await bus.close()
    await store.close()
    return {"seconds": seconds, **found, "growth_mb": rss_mb() - memory[0] if memory else 0.0}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only-many", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bus.db")
        if given.only_many:
            found = uvloop.run(only_many(path, given.seconds))
            print(json.dumps(found))
            sys.exit(1 if found["many_missed"] or found["growth_mb"] > GROWTH_MB else 0)
        print(json.dumps(uvloop.run(measure(path, given.events, given.seconds))))
