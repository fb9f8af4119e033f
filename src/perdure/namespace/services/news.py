"""The bell that wakes whoever watches the journal. It tells nothing but that it is worth reading on."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

from perdure.base.clock import Clock
from perdure.kernel.live import Live
from perdure.kernel.records import Record


class News:
    """Rings at once for what this process writes, and every `poll_ms` of the clock for what others may have written.
    The journal is heard only while somebody waits, so that without watchers it costs nothing."""

    def __init__(self, live: Live, clock: Clock, poll_ms: float) -> None:
        self._live = live
        self._clock = clock
        self._poll_ms = poll_ms
        self._bells: WeakSet[asyncio.Event] = WeakSet()

    def bell(self) -> asyncio.Event:
        """A bell of one's own, rung for as long as it is kept."""
        bell = asyncio.Event()
        self._bells.add(bell)
        return bell

    def ring(self) -> None:
        for bell in self._bells:
            bell.set()

    async def wait(self, bell: asyncio.Event) -> None:
        """Return when the bell has been rung since it was last cleared."""
        pause = asyncio.ensure_future(self._clock.sleep(self._poll_ms))
        pause.add_done_callback(lambda _: bell.set())
        try:
            with self._live.attached(self):
                await bell.wait()
        finally:
            pause.cancel()

    def put_nowait(self, item: tuple[str, Any]) -> None:
        if isinstance(item[1], Record):
            self.ring()
