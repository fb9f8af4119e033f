"""Channels: what a run says right now, heard once and handed to everybody who follows it.

Nothing here is durable, and nothing waits for a slow listener: one that falls behind is told so, and reads what it
missed in the journal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeAlias

from msgspec.structs import replace

from perdure.kernel.live import Live
from perdure.kernel.records import Record, RunFinished, RunPaused, RunYielded

from .listening import EventType, RunEvent, events_of, place_of

MOST = 1_024
"""Pieces of news that wait for one listener."""
KEPT = 256
"""Runs in the middle of an answer that nobody follows any more, whose text is kept for who comes back."""
RESTS = frozenset((RunFinished.type, RunYielded.type, RunPaused.type))

News: TypeAlias = tuple[int, tuple[RunEvent, ...]]
"""What one record means, with its seq; or a piece of text, with 0."""


class Listener:
    """News that have come for one who follows a run. `behind` says that some of it was let go."""

    def __init__(self) -> None:
        self.behind = False
        self._waiting: deque[News] = deque()
        self._some = asyncio.Event()

    def __bool__(self) -> bool:
        """Whether there is something to take."""
        return bool(self._waiting)

    def put(self, news: News) -> None:
        if len(self._waiting) >= MOST:
            self._waiting.clear()
            self.behind = True
        self._waiting.append(news)
        self._some.set()

    def take(self) -> list[News]:
        """All that has come and was not taken."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def some(self) -> None:
        """Return when there is something to take, or to see to."""
        await self._some.wait()
        self._some.clear()

    def call(self, *_: object) -> None:
        """There is something to see to besides."""
        self._some.set()


class Said:
    """The text so far of the answers under way in one run, each by its place: branches speak at the same time."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[EventType, str], tuple[RunEvent, list[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def note(self, event: RunEvent) -> None:
        match event.type:
            case "text" | "thinking":
                self._pieces.setdefault((event.type, event.key), (event, []))[1].append(event.text)
            case "restart":
                self._forget(event.key)
            case "model":
                self._forget(place_of(event.key))
            case "result":
                self._pieces.clear()
            case _:
                pass

    def so_far(self) -> list[RunEvent]:
        """The pieces of each text as one."""
        return [replace(first, text="".join(pieces), replaces=True) for first, pieces in self._pieces.values()]

    def _forget(self, place: str) -> None:
        self._pieces.pop(("text", place), None)
        self._pieces.pop(("thinking", place), None)


class Channel:
    """One run. `close` is called when it came to rest and nobody follows it. `newest` is the last seq of it that is
    known of here, `looked_at` when the journal was last asked for one (ms)."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.listeners: set[Listener] = set()
        self.newest = 0
        self.looked_at = 0
        self._said = Said()
        self._results: dict[int, asyncio.Future[RunEvent]] = {}
        self._close = close

    @property
    def is_speaking(self) -> bool:
        return bool(self._said)

    def said(self) -> list[RunEvent]:
        """The text so far of answers under way, and their thinking."""
        return self._said.so_far()

    async def whole(self, event: RunEvent, look: Callable[[], Awaitable[RunEvent]]) -> RunEvent:
        """The event with its result, looked up once for all who follow."""
        found = self._results.get(event.seq)
        if found is None:
            self._results.clear()  # the run went on since
            found = self._results[event.seq] = asyncio.ensure_future(look())
        return await asyncio.shield(found)

    def put_nowait(self, item: tuple[str, Any]) -> None:
        events = events_at(item[1])
        if not events:
            return
        for event in events:
            self._said.note(event)
        news = events[-1].seq, events
        for listener in self.listeners:
            listener.put(news)
        if events[-1].type == "result" and not self.listeners:
            self._close()


class Channels:
    """All channels of a runtime: of runs that somebody follows, and of those left in the middle of an answer."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._open: dict[str, tuple[Channel, ExitStack]] = {}

    @contextmanager
    def follow(self, run_id: str) -> Iterator[tuple[Channel, Listener]]:
        channel, listener = self._channel(run_id), Listener()
        channel.listeners.add(listener)
        try:
            yield channel, listener
        finally:
            channel.listeners.discard(listener)
            if not channel.listeners:
                self._leave(run_id, channel)

    def _channel(self, run_id: str) -> Channel:
        found = self._open.get(run_id)
        if found is None:
            channel, attached = Channel(partial(self._close, run_id)), ExitStack()
            attached.enter_context(self._live.attached(channel, run_id))
            found = self._open[run_id] = channel, attached
        return found[0]

    def _leave(self, run_id: str, channel: Channel) -> None:
        if not channel.is_speaking:
            return self._close(run_id)
        self._open[run_id] = self._open.pop(run_id)  # the one left last stands last
        unused = [id for id, (channel, _) in self._open.items() if not channel.listeners]
        for id in unused[:-KEPT]:
            self._close(id)

    def _close(self, run_id: str) -> None:
        self._open.pop(run_id)[1].close()


def events_at(item: Any) -> tuple[RunEvent, ...]:
    """What `events_of` gives, and a `result` (still empty) where a run came to rest. The last event of a record has its
    cursor, so that who heard only the first of them gets all of them again."""
    events = events_of(item)
    if isinstance(item, Record):
        if item.type in RESTS:
            events.append(RunEvent("result"))
        if events:
            events[-1] = replace(events[-1], seq=item.seq)
    return tuple(events)
