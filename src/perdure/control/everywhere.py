"""Hearing all runs, or those of one agent: the journal is read once for everybody who follows.

What this process does is heard live; its records are told in the order of their numbers, and what lies between two of
them, of other processes or not heard, is read from the journal first. So a cursor never leaves anything behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from perdure.base.errors import RunNotFound
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.kernel.live import RECORDS
from perdure.kernel.store.rows import RecordFilter

from .channels import Listener, News, Said, events_at
from .hearing import LOOK_MS, PAGE
from .listening import RunEvent

if TYPE_CHECKING:
    from .runtime import Runtime


async def hear_all(runtime: Runtime, *, agent: str, after: int | None, text: bool) -> AsyncIterator[RunEvent]:
    """Events of all runs, or of this agent, behind the cursor `after` (None: from now on), without an end. Without
    `text` the pieces of answers under way are left out, and not made for it."""
    everywhere = runtime.everywhere[text]
    async with everywhere.follow(agent) as listener:
        last = everywhere.last if after is None else min(after, everywhere.last)
        if after is None:
            yield RunEvent("now", seq=last)
        while True:
            listener.behind = False
            goal = everywhere.last
            async for event in _past(runtime, agent, last, goal):
                yield event
            last = max(last, goal)
            if listener.behind:
                continue
            news = [one for one in listener.take() if one[0] > last]
            for seq, events in (*news, (0, everywhere.said(agent))):
                last = max(last, seq)
                for event in events:
                    yield event
            while not listener.behind:
                await listener.some()
                everywhere.check()
                for seq, events in listener.take():
                    if not 0 < seq <= last:
                        last = max(last, seq)
                        for event in events:
                            yield event


async def _past(runtime: Runtime, agent: str, after: int, to: int) -> AsyncIterator[RunEvent]:
    """What the journal has behind `after`, up to `to`."""
    while after < to:
        records = await runtime.store.records(RecordFilter(agent), after=after, before=to + 1, limit=PAGE)
        for record in records:
            for event in await _told(runtime, record):
                yield event
        after = records[-1].seq if len(records) == PAGE else to


class Everywhere:
    """Works while somebody follows. `last` is the number of the last record that was told."""

    def __init__(self, runtime: Runtime, *, text: bool) -> None:
        self.last = 0
        self._runtime = runtime
        self._text = text
        self._listeners: dict[Listener, str] = {}
        self._said: dict[str, Said] = {}
        self._heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._ready: asyncio.Event = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def follow(self, agent: str) -> AsyncIterator[Listener]:
        """Be told of everything from now on, of this agent or (where it is "") of all."""
        listener = Listener()
        self._listeners[listener] = agent
        try:
            if self._working is None:
                self._ready = asyncio.Event()
                self._working = asyncio.create_task(self._work())
                self._working.add_done_callback(self._ended)
            await self._ready.wait()
            self.check()
            yield listener
        finally:
            del self._listeners[listener]
            if not self._listeners and self._working is not None:
                working, self._working = self._working, None
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

    def check(self) -> None:
        """Raises what made it impossible to go on."""
        if self._working is not None and self._working.done():
            self._working.result()

    def said(self, agent: str) -> tuple[RunEvent, ...]:
        """The text so far of answers under way."""
        return tuple(event for said in self._said.values() for event in said.so_far() if agent in ("", event.agent_id))

    def put_nowait(self, item: tuple[str, Any]) -> None:
        self._heard.put_nowait(item)

    async def _work(self) -> None:
        self._said.clear()
        self._heard = asyncio.Queue()
        looking = asyncio.create_task(self._look())
        try:
            with self._runtime.engine.live.attached(self, "" if self._text else RECORDS):
                newest = await self._runtime.store.records(RecordFilter(), limit=1, order="newest")
                self.last = newest[0].seq if newest else 0
                self._ready.set()
                while True:
                    await self._take(*await self._heard.get())
        finally:
            looking.cancel()

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._ready.set()
        for listener in self._listeners:
            listener.call()

    async def _look(self) -> None:
        """From time to time look for what is not heard live: what other processes wrote."""
        while True:
            await self._runtime.clock.sleep(LOOK_MS)
            self._heard.put_nowait(("", None))

    async def _take(self, run_id: str, item: Any) -> None:
        if isinstance(item, r.Record):
            if item.seq > self.last + 1:
                await self._read(item.seq)
            if item.seq > self.last:
                await self._tell(item)
        elif item is None:
            await self._read(None)
        elif self._text and (events := events_at(item)):
            if run_id not in self._said:
                await self._begin(run_id)
            self._give(0, tuple(replace(event, run_id=run_id, agent_id=item.agent_id) for event in events))

    async def _begin(self, run_id: str) -> None:
        """Tell that the run was accepted before anything that it says: that is on record, but not heard live."""
        run = await self._runtime.store.load_run(run_id)
        if run is not None and run.first_seq > self.last:
            await self._read(run.first_seq + 1)

    async def _read(self, before: int | None) -> None:
        while True:
            records = await self._runtime.store.records(RecordFilter(), after=self.last, before=before, limit=PAGE)
            for record in records:
                await self._tell(record)
            if len(records) < PAGE:
                return

    async def _tell(self, record: r.Record) -> None:
        events = await _told(self._runtime, record)
        self.last = record.seq
        if events:
            self._give(record.seq, events)

    def _give(self, seq: int, events: tuple[RunEvent, ...]) -> None:
        run_id, agent_id = events[0].run_id, events[0].agent_id
        if self._text:
            said = self._said.setdefault(run_id, Said())
            for event in events:
                said.note(event)
            if not said:
                del self._said[run_id]
        news: News = seq, events
        for listener, agent in self._listeners.items():
            if agent in ("", agent_id):
                listener.put(news)


async def _told(runtime: Runtime, record: r.Record) -> tuple[RunEvent, ...]:
    """What a record means to who follows more than one run."""
    events = [await _whole(runtime, record, event) for event in events_at(record)] or _besides(record)
    return tuple(replace(event, run_id=record.run_id, agent_id=record.agent_id) for event in events)


def _besides(record: r.Record) -> list[RunEvent]:
    """Events that mean nothing to who follows one run only."""
    match decode(record):
        case r.RunAccepted():
            return [RunEvent("accepted", seq=record.seq)]
        case r.AgentChanged() as changed:
            about: dict[str, Any] = {"status": changed.status, "who": changed.who, "why": changed.why}
            return [RunEvent("agent", data=about, seq=record.seq)]
        case r.BudgetChanged() as changed:
            about = {"scope": changed.scope, "limit_microusd": changed.limit, "who": changed.who}
            return [RunEvent("budget", data=about, seq=record.seq)]
        case _:
            return []


async def _whole(runtime: Runtime, record: r.Record, event: RunEvent) -> RunEvent:
    if event.type != "result":
        return event
    try:
        return replace(event, result=await runtime.look(record.run_id))
    except RunNotFound:  # deleted since
        return event
