"""Events through the bus of one process, over a SQLite file: as many as it takes, at a pace with mixed QoS, and 20
subscribers on 10 topics each. `--seconds 3600` is the long run of the last."""

from __future__ import annotations

import asyncio
import json
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import perf_counter

import uvloop

from perdure.base.clock import SystemClock
from perdure.base.envelope import Envelope
from perdure.bus.hearer import Hearer
from perdure.bus.local import LocalBus
from perdure.kernel.store.sqlite import SqliteStore

NUMBER = count()
RATE = 1_000
AGENTS, TOPICS = 20, 10


def event(topic: str) -> Envelope:
    return Envelope(f"evt_{next(NUMBER)}", "", "event", perf_counter(), topic=topic)


async def hear(hearer: Hearer, latencies: list[float], wanted: int | None = None) -> None:
    """Take events until the subscription ends or so many have come, and note how long each was on its way."""
    while (wanted is None or len(latencies) < wanted) and (events := await hearer.take()):
        now = perf_counter()
        latencies.extend((now - one.envelope.payload) * 1000 for one in events)


async def rate(bus: LocalBus, events: int, *, durable: bool, at_once: int) -> float:
    """Events a second from many publishers to one subscriber, from the first publication to the last delivery."""
    hearer = await bus.subscribe("load.>")
    latencies: list[float] = []
    each = events // at_once
    hearing = asyncio.create_task(hear(hearer, latencies, each * at_once))

    async def publish(n: int) -> None:
        for _ in range(each):
            await bus.publish(event(f"load.{n % 8}"), durable=durable)

    began = perf_counter()
    await asyncio.gather(*(publish(n) for n in range(at_once)))
    await hearing
    hearer.close()
    return each * at_once / (perf_counter() - began)


async def paced(bus: LocalBus, hearers: Sequence[Hearer], topics: Sequence[str], seconds: float) -> list[float]:
    """Latencies at RATE events a second, every other one of them durable."""
    latencies: list[float] = []
    hearing = [asyncio.create_task(hear(hearer, latencies)) for hearer in hearers]
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
    await asyncio.gather(*pending)
    await asyncio.sleep(0.5)
    for hearer in hearers:
        hearer.close()
    await asyncio.gather(*hearing)
    return latencies


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]


async def measure(path: Path, events: int, seconds: float) -> dict[str, float]:
    store = SqliteStore.open(path)
    bus = LocalBus(store, SystemClock())
    found: dict[str, float] = {"events": events}
    found["events_per_s"] = await rate(bus, events, durable=False, at_once=8)
    found["kept_per_s"] = await rate(bus, events // 4, durable=True, at_once=256)
    mixed = [await bus.subscribe("mixed.>", qos=qos) for qos in ("realtime", "batched", "background")]
    found["mixed_p99_ms"] = p99(await paced(bus, mixed, [f"mixed.{n}" for n in range(8)], min(seconds, 10)))
    many = [
        await bus.subscribe(f"many.{(agent + n) % AGENTS}", qos="batched")
        for agent in range(AGENTS)
        for n in range(TOPICS)
    ]
    latencies = await paced(bus, many, [f"many.{n}" for n in range(AGENTS)], seconds)
    found["many_p99_ms"] = p99(latencies)
    found["many_missed"] = round(seconds * RATE) * TOPICS - len(latencies) + sum(one.dropped for one in many)
    await bus.close()
    await store.close()
    return found


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(uvloop.run(measure(Path(folder, "bus.db"), given.events, given.seconds))))
