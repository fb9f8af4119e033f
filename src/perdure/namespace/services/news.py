"""The signal that wakes whoever watches the journal of this process's engine."""

from __future__ import annotations

from typing import Any

from perdure.kernel.live import RECORDS, Live
from perdure.kernel.records import Record

from ..signal import Signal


class News(Signal):
    """Notified of records that runs of this process commit, and by whoever commits others. It listens only while
    somebody waits, so that without watchers it costs nothing."""

    __slots__ = ("_live",)

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    async def beyond(self, count: int) -> None:
        with self._live.attached(self, RECORDS):
            await super().beyond(count)

    def put_nowait(self, item: tuple[str, Any]) -> None:
        if isinstance(item[1], Record):
            self.notify()
