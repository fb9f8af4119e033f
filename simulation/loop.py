"""An event loop whose time is simulated: when nobody is ready to go on, it is at once as late as the next who will be.

There are no threads, sockets or files in it, so that the order in which things happen depends on nothing but the
program and the chance handed in.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

MIDNIGHT_MS = 1_751_328_000_000
"""The beginning of a month, UTC: where a world begins a little before it, its days and months change."""


class Stuck(Exception):
    """Nothing is ready and nothing is due: whoever waits would wait for ever."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Keeps every task: those of a process that died stand still for ever, and must not be swept away at some moment
    that nobody can repeat."""

    def __init__(self) -> None:
        self._passed = 0.0
        self._tasks: list[asyncio.Task[Any]] = []
        super().__init__(_Nowhere(self))

    def create_task(self, coro: Any, **more: Any) -> asyncio.Task[Any]:
        task = super().create_task(coro, **more)
        self._tasks.append(task)
        return task

    def leave(self) -> None:
        """Close it; what stands still in it is swept away, and nobody needs to be told."""
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.close()

    def time(self) -> float:
        """Seconds since the world began."""
        return self._passed

    def pass_time(self, seconds: float) -> None:
        self._passed += seconds


class _Nowhere(selectors.SelectSelector):
    """Hears from nobody outside; waiting takes no time but the loop's own."""

    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self._loop.pass_time(timeout)
        return []


class SimulatedClock:
    """A process's clock over the loop's time: `since` (ms UTC) is when that began, `skew_ms` what it is ahead of
    others."""

    def __init__(self, loop: asyncio.AbstractEventLoop, since: int, skew_ms: int = 0) -> None:
        self._loop = loop
        self._began = since + skew_ms

    def now(self) -> int:
        return self._began + round(self._loop.time() * 1000)

    async def sleep(self, ms: float) -> None:
        await asyncio.sleep(max(0.0, ms / 1000))
