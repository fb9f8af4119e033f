"""Several watches as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .port import Change, Watch


class Merged:
    """Changes of all `watches` as they come, after those in `first`. Their cursors are those of their own sources."""

    def __init__(self, watches: Sequence[Watch], first: Sequence[Change] = ()) -> None:
        self._watches = list(watches)
        self._first = list(first)
        self._waiting: dict[asyncio.Task[Change | None], Watch] = {}
        self._idle = list(watches)

    def __aiter__(self) -> Merged:
        return self

    async def __anext__(self) -> Change:
        if self._first:
            return self._first.pop(0)
        while True:
            for watch in self._idle:
                self._waiting[asyncio.ensure_future(_next(watch))] = watch
            self._idle.clear()
            if not self._waiting:
                raise StopAsyncIteration
            done, _ = await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
            task = next(iter(done))  # the others are still there the next time
            watch = self._waiting.pop(task)
            change = task.result()
            if change is not None:
                self._idle.append(watch)
                return change

    async def aclose(self) -> None:
        self._first.clear()
        self._idle.clear()
        for watch in self._watches:
            await watch.aclose()


async def _next(watch: Watch) -> Change | None:
    """The next change, None at the end: a task cannot raise StopAsyncIteration."""
    try:
        return await watch.__anext__()
    except StopAsyncIteration:
        return None
