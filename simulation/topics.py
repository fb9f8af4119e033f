"""What is published and heard: subscriptions of agents, a reader of the log, and whether each had each event once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import StoreError
from perdure.base.topic import matches
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter, RunRow
from perdure.kernel.topics import Subscription, subscription

if TYPE_CHECKING:
    from scenario import World

TOPICS = ("news.a", "news.b", "other")
PATTERNS = ("news.a", "news.*", ">")
GO = "go"
"""Where a person tells a flow to go on."""


class Logged(NamedTuple):
    """An event that is in the log, or was there."""

    seq: int
    id: str
    topic: str


def drawn(chance: Random, agents: list[str]) -> list[Subscription]:
    """What agents hear from the beginning on; some hear nothing, some hear a topic twice."""
    return [
        subscription(agent, chance.choice(PATTERNS), qos=chance.choice(["background", "batched", "realtime"]))
        for agent in agents
        for _ in range(chance.choice([0, 0, 1, 2]))
    ]


class Reader:
    """Somebody who hears all events at one process after the other, each time behind the last that it saw."""

    def __init__(self, world: World) -> None:
        self.read: list[int] = []
        self._world = world

    async def work(self) -> None:
        chance = self._world.chance
        while True:
            process = await self._world.alive()
            after = self.read[-1] if self.read else 0
            with contextlib.suppress(TimeoutError, StoreError):
                async with asyncio.timeout(chance.uniform(1.0, 20.0)):
                    hearer = await process.bus.subscribe(">", after=after, in_order=True, waited_for=False)
                    try:
                        while events := await hearer.take():
                            self.read += [event.seq for event in events]
                    finally:
                        hearer.close()
            await asyncio.sleep(chance.uniform(0.0, 1.0))


async def wrong(world: World, runs: Sequence[RunRow]) -> list[str]:
    """Every event in the log once, and from there to each subscription once, in order."""
    log = world.disk.log
    found = [f"event {id} is in the log {n} times" for id, n in Counter(one.id for one in log).items() if n > 1]
    logged = {one.id for one in log}
    found += [f"event {id} was taken, and is not in the log" for id in world.told if id not in logged]
    if world.reader is not None and world.reader.read != [one.seq for one in log]:
        found.append(f"a reader of the log saw {world.reader.read}, and there were {[one.seq for one in log]}")
    begun = await _begun(world, log)
    ends = {run.id: run.status for run in runs}
    for wanted in world.subscriptions:
        heard = begun.get(wanted.id, [])
        due = [one.id for one in log if matches(wanted.pattern, one.topic)]
        if Counter(id for _, ids in heard for id in ids) != Counter(due):
            found.append(f"{wanted.agent_id} was to hear of {wanted.pattern}: {due}, and heard {heard}")
        found += [f"{run} of an event is {ends[run]}" for run, _ in heard if ends[run] != "done"]
        places = [seq for id, seq in world.outside.heard if id == wanted.id]
        if places != sorted(places):
            found.append(f"{wanted.agent_id} heard of {wanted.pattern} in the order {places}")
    return found


async def _begun(world: World, log: Sequence[Logged]) -> dict[str, list[tuple[str, list[str]]]]:
    """The runs that events began, and with which, by subscription."""
    ids = {one.seq: one.id for one in log}
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for record in await world.disk.store.records(RecordFilter(types=("run.accepted",)), limit=100_000):
        accepted = decode(record)
        assert isinstance(accepted, r.RunAccepted)
        envelope = unpack_as(accepted.body, Envelope)
        if (place := place_of(envelope)) is not None:
            payload = envelope.payload
            events = [one["id"] for one in payload] if isinstance(payload, list) else [ids[place[1]]]
            found.setdefault(place[0], []).append((record.run_id, events))
    return found


def place_of(envelope: Envelope) -> tuple[str, int] | None:
    """The subscription and the seq of an event that comes by one; None for anything else."""
    id, _, seq = envelope.id.partition("/")
    return (id, int(seq)) if id.startswith("sub_") else None


def heard_wrong(said: Any, log: Sequence[Logged]) -> Iterator[str]:
    """What a run says that listened to a topic from its beginning: it heard the first events, in their order."""
    due = [one.seq for one in log if one.topic == said["topic"]]
    if said["heard"] != due[: len(said["heard"])]:
        yield f"a run heard {said['heard']} of {said['topic']}, where {due} were published"
