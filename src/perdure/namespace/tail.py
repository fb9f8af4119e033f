"""The journal as something to watch: the records that match, with their numbers as cursors.

A watcher pulls pages from the store as fast as it takes them: nothing overruns it, and nothing is lost between two
connections or two processes. Signals only tell when it is worth looking again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from perdure.base.clock import Clock
from perdure.kernel.records import Record
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter

from .path import ROOT
from .port import Change
from .signal import Signal

_PAGE = 256

Told: TypeAlias = Callable[[Record], Change | bytes | None]
Over: TypeAlias = Callable[[], Awaitable[bool]]


class Tail:
    """Records of `filter` as changes: `told` gives the change that one means, with its seq, or the bytes of one of kind
    `data`, or None to leave it out. A watch ends when it has read everything and it is `over`.

    `signal` is notified by whoever commits in this process; what others commit is found within `poll_ms` of `clock`.
    """

    def __init__(
        self,
        store: Store,
        filter: RecordFilter,
        told: Told,
        *,
        signal: Signal,
        clock: Clock,
        poll_ms: float = 500,
        over: Over | None = None,
    ) -> None:
        self.store = store
        self.filter = filter
        self.told = told
        self.signal = signal
        self.clock = clock
        self.poll_ms = poll_ms
        self.over = over

    async def watch(self, after: int | None = None) -> TailWatch:
        """Records that follow number `after`, or from now on. A number that the journal has not reached is of another
        journal: a gap."""
        newest = await self.store.records(RecordFilter(), limit=1, order="newest")
        last = newest[0].seq if newest else 0
        if after is None or after <= last:
            return TailWatch(self, last if after is None else after)
        return TailWatch(self, last, gap=True)


class TailWatch:
    def __init__(self, tail: Tail, cursor: int, gap: bool = False) -> None:
        self._tail = tail
        self._cursor = cursor
        self._ready: deque[Change] = deque([Change("gap", ROOT, cursor)] if gap else ())
        self._waiting: set[asyncio.Task[None]] = set()
        self._closed = False

    def __aiter__(self) -> TailWatch:
        return self

    async def __anext__(self) -> Change:
        while not self._closed:
            if self._ready:
                return self._ready.popleft()
            tail, count = self._tail, self._tail.signal.count
            over = tail.over is not None and await tail.over()  # asked first: what came before the end is still read
            records = await tail.store.records(tail.filter, after=self._cursor, limit=_PAGE)
            if not records:
                if over:
                    break
                await self._news(count)
                continue
            self._cursor = records[-1].seq
            for record in records:
                told = tail.told(record)
                if told is not None:
                    change = told if isinstance(told, Change) else Change("data", ROOT, record.seq, told)
                    self._ready.append(change)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._closed = True
        for task in self._waiting:
            task.cancel()

    async def _news(self, count: int) -> None:
        if self._closed:
            return
        tail = self._tail
        self._waiting = {
            asyncio.ensure_future(tail.signal.beyond(count)),
            asyncio.ensure_future(tail.clock.sleep(tail.poll_ms)),
        }
        try:
            await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._waiting:
                task.cancel()
