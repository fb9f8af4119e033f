"""Time, handed in: milliseconds since 1970 UTC, and a sleep that a test can turn by hand."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from time import time_ns
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    async def sleep(self, ms: float) -> None:
        """Return when `ms` milliseconds of this clock have passed."""
        ...


class SystemClock:
    def now(self) -> int:
        return time_ns() // 1_000_000

    async def sleep(self, ms: float) -> None:
        await asyncio.sleep(ms / 1000)


class ManualClock:
    """A clock that moves only when told to: a week of timers passes in milliseconds."""

    def __init__(self, now: int = 1_750_000_000_000) -> None:
        self._now = now
        self._order = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self._now

    async def sleep(self, ms: float) -> None:
        if ms <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heappush(self._sleepers, (self._now + ms, self._order, future))
        await future

    async def advance(self, ms: int) -> None:
        """Let `ms` milliseconds pass, waking every sleeper in the order of its time."""
        end = self._now + ms
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heappop(self._sleepers)
            self._now = max(self._now, int(due))
            if not future.done():
                future.set_result(None)
                await settle()
        self._now = end
        await settle()

    async def jump(self, ms: int) -> None:
        """Let `ms` milliseconds pass at once, as on a machine that slept: whoever looks every second looks once."""
        self._now += ms
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, future = heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
        await settle()


async def settle(turns: int = 100) -> None:
    """Let tasks that are ready run for a few turns of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
