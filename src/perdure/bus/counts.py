"""What the bus counts."""

from __future__ import annotations

from collections import Counter

import msgspec


class BusStats(msgspec.Struct, frozen=True):
    """Of one process, since it began. `dropped` counts by reason: `queue_full` (a realtime subscriber was behind),
    `expired`. `backlog` is what waits for subscribers."""

    published: int
    delivered: int
    dropped: dict[str, int]
    subscribers: int
    backlog: int


class Counts:
    __slots__ = ("delivered", "dropped", "published")

    def __init__(self) -> None:
        self.published = 0
        self.delivered = 0
        self.dropped: Counter[str] = Counter()
