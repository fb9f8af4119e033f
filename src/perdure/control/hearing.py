"""Hearing a run from any place in its journal: first what has happened, then what happens, with nothing in between
lost. Whoever was cut off goes on behind the last cursor it saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from perdure.kernel.records import Record
from perdure.kernel.store.rows import ENDED, RecordFilter, RunRow

from .channels import Channel, Listener, events_at
from .finding import find_run
from .listening import RunEvent

if TYPE_CHECKING:
    from .runtime import Runtime

PAGE = 256
LOOK_MS = 1_000
"""How long until the journal is looked into for what another process wrote of the run."""


async def hear(
    runtime: Runtime, run: RunRow | str, *, after: int, until: Awaitable[Any] | None = None
) -> AsyncIterator[RunEvent]:
    """Events of the run behind the cursor `after`. It ends with the `result` of a run that has ended, or when `until`
    is done and everything was heard. Raises RunNotFound.

    A future that is handed in as `until` is its owner's to cancel. Given the row of a run just begun it listens before
    that run can say anything.
    """
    if isinstance(run, str):
        run = await find_run(runtime.store, run)
    end = None if until is None else asyncio.ensure_future(until)
    tasks: list[asyncio.Future[Any]] = [] if end is None or asyncio.isfuture(until) else [end]
    try:
        with runtime.channels.follow(run.id) as (channel, listener):
            hearing = _Hearing(runtime, run, channel, listener, after, end)
            tasks.append(asyncio.ensure_future(hearing.look()))
            async for event in hearing.events():
                yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Hearing:
    """`last` is the cursor of what was heard."""

    def __init__(
        self,
        runtime: Runtime,
        run: RunRow,
        channel: Channel,
        listener: Listener,
        after: int,
        end: asyncio.Future[Any] | None,
    ) -> None:
        self.runtime = runtime
        self.run = run
        self.channel = channel
        self.listener = listener
        self.last = max(after, run.first_seq - 1)
        self._end = end
        if end is not None:
            end.add_done_callback(listener.call)

    @property
    def is_over(self) -> bool:
        return self._end is not None and self._end.done()

    async def events(self) -> AsyncIterator[RunEvent]:
        """To the run's end, or to that of the wait."""
        while True:
            is_over = self.is_over
            self.listener.behind = False
            async for event in self._past():
                yield event
                if _is_end(event):
                    return
            if is_over:
                return
            if self.listener.behind:
                continue  # what was let go is in the journal
            for event in self._present():
                whole = await self._whole(event)
                yield whole
                if _is_end(whole):
                    return
            async for event in self._coming():
                yield event
                if _is_end(event):
                    return

    async def _past(self) -> AsyncIterator[RunEvent]:
        """What the journal has. Of the places where the run came to rest only the last is told: it went on since."""
        rest: RunEvent | None = None
        while True:
            records = await self._records(self.last, PAGE)
            for record in records:
                self.last, rest = record.seq, None
                for event in events_at(record):
                    if event.type == "result":
                        rest = event
                    else:
                        yield event
            if len(records) < PAGE:
                break
        self.channel.newest = max(self.channel.newest, self.last)
        if rest is None:
            # Who comes back after the end is told of it again.
            row = await self.runtime.store.load_run(self.run.id)
            rest = RunEvent("result", seq=self.last) if row is None or row.status in ENDED else None
        if rest is not None:
            yield await self._whole(rest)

    def _present(self) -> list[RunEvent]:
        """What was written while the journal was read, and in place of all pieces of text the text so far."""
        told: list[RunEvent] = []
        for seq, events in self.listener.take():
            if seq > self.last:
                self.last = seq
                told += events
        return told + self.channel.said()

    async def _coming(self) -> AsyncIterator[RunEvent]:
        """What comes live, until something was missed, or the wait is done."""
        while True:
            for seq, events in self.listener.take():
                if 0 < seq <= self.last:
                    continue
                self.last = max(self.last, seq)
                for event in events:
                    yield await self._whole(event)
            if self.listener.behind or self.is_over:
                return
            await self.listener.some()

    async def look(self) -> None:
        """From time to time look for what another process wrote of the run: that is not heard live. Of all that follow
        the run one asks the journal."""
        channel, clock = self.channel, self.runtime.clock
        while True:
            await clock.sleep(LOOK_MS)
            now = clock.now()
            if now >= channel.looked_at + LOOK_MS:
                channel.looked_at = now
                for record in await self._records(after=max(self.last, channel.newest), limit=1):
                    channel.newest = record.seq
            if self.last < channel.newest and not self.listener:
                self.listener.behind = True
                self.listener.call()

    async def _records(self, after: int, limit: int) -> list[Record]:
        filter = RecordFilter(self.run.agent_id, self.run.id)
        return await self.runtime.store.records(filter, after=after, limit=limit)

    async def _whole(self, event: RunEvent) -> RunEvent:
        """The event, with its result where it is one."""
        if event.type != "result" or event.result is not None:
            return event

        async def look() -> RunEvent:
            return replace(event, result=await self.runtime.look(self.run.id))

        return await self.channel.whole(event, look)


def _is_end(event: RunEvent) -> bool:
    return event.result is not None and event.result.status in ENDED
