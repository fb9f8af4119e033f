"""Watching what tells nobody when it changes: by looking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from perdure.base.clock import Clock
from perdure.base.errors import FileError

from .feed import Feed
from .path import Path
from .port import Watch

S = TypeVar("S")
_REMEMBERED = 32
"""Places whose last look is kept for a watcher that comes back."""


class Polling(Generic[S]):
    """`look` gives what is at and below a path, and what tells one content of it from another. It is asked every
    `interval_ms` of the clock while anybody watches; what it found last is kept for whoever comes back later."""

    def __init__(self, look: Callable[[Path], Awaitable[dict[Path, S]]], clock: Clock, interval_ms: float) -> None:
        self._look = look
        self._clock = clock
        self._interval = interval_ms
        self._feed = Feed()
        self._places: dict[Path, dict[Path, S]] = {}
        self._blind: set[Path] = set()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def watch(self, path: Path, after: int | None = None) -> Watch:
        async with self._looking:
            await self._refresh()
            if not any(path[: len(place)] == place for place in self._places):
                await self._add(path)
                if after is not None:
                    after = self._feed.last + 1  # nobody looked since: a gap, not silence
            watch = await self._feed.watch(after, path)
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())
        return watch

    async def _run(self) -> None:
        while self._feed.watched:
            await self._clock.sleep(self._interval)
            async with self._looking:
                await self._refresh()

    async def _refresh(self) -> None:
        for place, before in list(self._places.items()):
            try:
                now = await self._look(place)
            except FileError:
                if place not in self._blind:
                    self._blind.add(place)
                    self._feed.tell("gap", place)
                continue
            self._blind.discard(place)
            self._places[place] = now
            for path, seen in now.items():
                if path not in before:
                    self._feed.tell("created", path)
                elif before[path] != seen:
                    self._feed.tell("modified", path)
            for path in reversed(before):  # what is in a directory before the directory
                if path not in now:
                    self._feed.tell("deleted", path)

    async def _add(self, path: Path) -> None:
        found = await self._look(path)
        self._places = {place: seen for place, seen in self._places.items() if place[: len(path)] != path}
        while len(self._places) >= _REMEMBERED:
            idle = next((place for place in self._places if not self._feed.watched_at(place)), None)
            if idle is None:
                break
            del self._places[idle]
        self._places[path] = found
