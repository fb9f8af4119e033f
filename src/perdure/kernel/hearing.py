"""Records of all runs of a process, one after the other, for whoever takes its time with each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from .live import RECORDS, Live
from .records import Record

MOST = 20_000
"""Records that wait; the oldest are let go where there are more, as nothing may wait for who listens."""


@asynccontextmanager
async def hearing(
    live: Live, types: Collection[str], take: Callable[[Record, int], Awaitable[None]]
) -> AsyncIterator[None]:
    """Hand records of these types to `take`, with how many were let go before each, while this is entered; at its end
    those that were heard are taken still. What `take` raises ends it."""
    heard = _Heard(frozenset(types), take)
    with live.attached(heard, RECORDS):
        work = asyncio.create_task(heard.work())
        try:
            yield
        finally:
            heard.end()
            await work


class _Heard:
    def __init__(self, types: frozenset[str], take: Callable[[Record, int], Awaitable[None]]) -> None:
        self._types = types
        self._take = take
        self._waiting: deque[Record] = deque()
        self._some = asyncio.Event()
        self._is_ending = False
        self._lost = 0

    def put_nowait(self, item: tuple[str, Record]) -> None:
        record = item[1]
        if record.type in self._types and record.run_id:
            if len(self._waiting) >= MOST:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append(record)
            self._some.set()

    def end(self) -> None:
        self._is_ending = True
        self._some.set()

    async def work(self) -> None:
        while True:
            while self._waiting:
                lost, self._lost = self._lost, 0
                await self._take(self._waiting.popleft(), lost)
            if self._is_ending:
                return
            await self._some.wait()
            self._some.clear()
