"""The ends of many calls by one timer: nearly all calls are over long before theirs, so that a timer for each would be
set and taken back in vain."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Expiring(Protocol):
    def expire(self) -> None:
        """The time is up."""
        ...


class Deadlines:
    """Those of one event loop, whose time they are in. The timer waits for the earliest there was when it was set."""

    __slots__ = ("_ends", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ends: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def put(self, one: Expiring, end: float) -> None:
        """Call `one.expire` at `end`, unless it is dropped before."""
        self._ends[one] = end
        if self._timer is None or end < self._timer.when():
            self._set(end)

    def drop(self, one: Expiring) -> None:
        self._ends.pop(one, None)

    def close(self) -> None:
        self._ends.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, end: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(end, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        for one, end in tuple(self._ends.items()):
            if end <= now and self._ends.pop(one, None) is not None:  # else one before it dropped it just now
                one.expire()
        if self._ends:
            self._set(min(self._ends.values()))
