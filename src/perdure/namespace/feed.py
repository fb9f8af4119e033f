"""Changes for any number of watchers, from one bounded backlog.

A watcher holds no queue of its own, only a cursor into the backlog: memory does not grow with slow watchers. A source
that can wait uses `put`, and waits for the slowest for a while; whoever falls behind even so is told of the gap.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from weakref import WeakSet

from perdure.base.clock import Clock

from .path import ROOT, Path
from .port import Change, ChangeKind, Watch
from .relocated import Relocated


class Feed:
    """Keeps the last `backlog` changes, numbered from 1. `put` waits for watchers `patience_ms` of `clock` at most, and
    without a clock not at all."""

    def __init__(self, backlog: int = 1024, *, clock: Clock | None = None, patience_ms: float = 1_000) -> None:
        self._kept: deque[Change] = deque(maxlen=backlog)
        self._last = 0
        self._clock = clock
        self._patience = patience_ms
        self._watches: WeakSet[FeedWatch] = WeakSet()  # one that nobody closed must hold up nothing
        self._moved: asyncio.Event | None = None
        self._ended = False

    @property
    def last(self) -> int:
        """The number of the newest change, 0 before the first."""
        return self._last

    @property
    def watched(self) -> bool:
        return bool(self._watches)

    def watched_at(self, place: Path) -> bool:
        return any(watch.below[: len(place)] == place for watch in self._watches)

    def tell(self, kind: ChangeKind, path: Path = ROOT, data: bytes = b"") -> int:
        """Add a change at once, dropping the oldest where the backlog is full. Returns its number."""
        self._last += 1
        self._kept.append(Change(kind, path, self._last, data))
        for watch in self._watches:
            watch.wake()
        return self._last

    async def put(self, kind: ChangeKind, path: Path = ROOT, data: bytes = b"") -> int:
        """Add a change when every watcher has taken the one that it drives out, or has been waited for long enough."""
        if self._clock is not None and self._crowded():
            pause = asyncio.ensure_future(self._clock.sleep(self._patience))
            try:
                while self._crowded() and not pause.done():
                    self._moved = self._moved or asyncio.Event()
                    moved = asyncio.ensure_future(self._moved.wait())
                    try:
                        await asyncio.wait({pause, moved}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        moved.cancel()
            finally:
                pause.cancel()
        return self.tell(kind, path, data)

    def end(self) -> None:
        """Nothing follows: watchers end when they have read what there is."""
        self._ended = True
        for watch in self._watches:
            watch.wake()

    async def watch(self, after: int | None = None, below: Path = ROOT) -> FeedWatch:
        """Changes of `below` and what is under it: from now on, or those that follow number `after`."""
        return FeedWatch(self, self._last if after is None else after, below)

    def at(self, place: Path) -> Callable[[int | None], Awaitable[Watch]]:
        """What a node at `place` gives as its `watch`: changes below it, with paths relative to it."""

        async def watch(after: int | None) -> Watch:
            return Relocated(await self.watch(after, place), ROOT, len(place))

        return watch

    def _crowded(self) -> bool:
        full = len(self._kept) == self._kept.maxlen
        return full and any(watch.cursor < self._kept[0].seq for watch in self._watches)


class FeedWatch:
    def __init__(self, feed: Feed, cursor: int, below: Path) -> None:
        self.cursor = cursor
        self._feed = feed
        self.below = below
        self._news = asyncio.Event()
        self._closed = False
        feed._watches.add(self)

    def wake(self) -> None:
        self._news.set()

    def __aiter__(self) -> FeedWatch:
        return self

    async def __anext__(self) -> Change:
        while not self._closed:
            self._news.clear()
            change = self._next()
            if change is not None:
                return change
            if self._feed._ended:
                break
            await self._news.wait()
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._closed = True
        self._feed._watches.discard(self)
        self._advance(self.cursor)
        self.wake()

    def _next(self) -> Change | None:
        kept, last = self._feed._kept, self._feed._last
        first = last - len(kept) + 1
        if self.cursor < first - 1 or self.cursor > last:  # beyond the last: a cursor of an earlier process
            self._advance(first - 1)
            return Change("gap", self.below, self.cursor)
        depth = len(self.below)
        for index in range(self.cursor + 1 - first, len(kept)):
            change = kept[index]
            if change.path[:depth] == self.below:
                self._advance(change.seq)
                return change
        self._advance(last)
        return None

    def _advance(self, cursor: int) -> None:
        self.cursor = cursor
        if self._feed._moved is not None:
            self._feed._moved.set()
            self._feed._moved = None
