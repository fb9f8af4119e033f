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
    runtime: Runtime, run_id: str, *, after: int, until: Awaitable[Any] | None = None
) -> AsyncIterator[RunEvent]:
    """Events of the run behind the cursor `after`. It ends with the `result` of a run that has ended, or when `until`
    is done and everything was heard. Raises RunNotFound."""
    run = await find_run(runtime.store, run_id)
    end = None if until is None else asyncio.ensure_future(until)
    try:
        with runtime.channels.follow(run.id) as (channel, listener):
            async for event in _Hearing(runtime, run, channel, listener, after, end).events():
                yield event
    finally:
        if end is not None:
            end.cancel()


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
        self.end = end

    async def events(self) -> AsyncIterator[RunEvent]:
        """To the run's end, or to that of the wait."""
        while True:
            is_over = self.end is not None and self.end.done()
            self.listener.behind = False
            async for event in self._past():
                yield event
                if _is_end(event):
                    return
            if is_over:
                return
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
            records = await self._records(PAGE)
            for record in records:
                self.last, rest = record.seq, None
                for event in events_at(record):
                    if event.type == "result":
                        rest = event
                    else:
                        yield event
            if len(records) < PAGE:
                break
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
        while not self.listener.behind:
            for seq, events in self.listener.take():
                if 0 < seq <= self.last:
                    continue
                self.last = max(self.last, seq)
                for event in events:
                    yield await self._whole(event)
            if self.listener.behind or not await self._some():
                return

    async def _some(self) -> bool:
        """Wait for news. False where it is time to look into the journal."""
        while True:
            some = asyncio.ensure_future(self.listener.some())
            nap = asyncio.ensure_future(self.runtime.clock.sleep(LOOK_MS))
            waits: list[asyncio.Future[Any]] = [some, nap, *((self.end,) if self.end is not None else ())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if some.done():
                    return True
                if (self.end is not None and self.end.done()) or await self._records(1):
                    return False
            finally:
                some.cancel()
                nap.cancel()

    async def _records(self, limit: int) -> list[Record]:
        filter = RecordFilter(self.run.agent_id, self.run.id)
        return await self.runtime.store.records(filter, after=self.last, limit=limit)

    async def _whole(self, event: RunEvent) -> RunEvent:
        """The event, with its result where it is one."""
        if event.type != "result" or event.result is not None:
            return event
        return replace(event, result=await self.runtime.look(self.run.id))


def _is_end(event: RunEvent) -> bool:
    return event.result is not None and event.result.status in ENDED
