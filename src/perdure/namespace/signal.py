"""Telling any number of waiters that there is something new, without saying what."""

from __future__ import annotations

import asyncio


class Signal:
    """Whoever waits hands in the `count` it saw before it looked: what is told in between is not missed."""

    __slots__ = ("_waiting", "count")

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[asyncio.Future[None]] = []

    def notify(self) -> None:
        self.count += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def beyond(self, count: int) -> None:
        """Return when `notify` was called after it stood at `count`."""
        if self.count <= count:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            finally:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)
