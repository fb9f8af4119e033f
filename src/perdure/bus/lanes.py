"""What waits for one subscriber: the more urgent first, and of equally urgent ones the older."""

from __future__ import annotations

from bisect import insort
from collections import deque

from .port import Event


class Lanes:
    """Events by their priority, of which a lower number goes first. `bytes` is how long they are together, packed."""

    __slots__ = ("_lanes", "_order", "bytes", "size")

    def __init__(self) -> None:
        self._lanes: dict[int, deque[tuple[Event, int]]] = {}
        self._order: list[int] = []
        self.size = 0
        self.bytes = 0

    def put(self, event: Event, length: int, priority: int) -> None:
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = deque()
            insort(self._order, priority)
        lane.append((event, length))
        self.size += 1
        self.bytes += length

    def pop(self) -> Event | None:
        """The event that is next."""
        return self._take(0) if self.size else None

    def drop(self) -> Event | None:
        """The event that is missed least: the oldest of the least urgent."""
        return self._take(-1) if self.size else None

    def _take(self, at: int) -> Event:
        priority = self._order[at]
        lane = self._lanes[priority]
        event, length = lane.popleft()
        if not lane:
            del self._lanes[priority], self._order[at]
        self.size -= 1
        self.bytes -= length
        return event
