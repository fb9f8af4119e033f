"""A schedule of the project: each due time becomes an event on a topic, once, however many processes look."""

from __future__ import annotations

import contextlib

import msgspec

from perdure.agents.schedules import Schedule, plan
from perdure.base.background import Background
from perdure.base.clock import Clock
from perdure.base.codec import digest, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError, VersionConflict
from perdure.kernel.alarms import Alarm
from perdure.kernel.store.ops import MarkIs, PutMark
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import MarkRow

from .keeping import MARKS
from .port import Sink

LONGEST_PAUSE_MS = 60_000
"""The clock on the wall may be put forward, and the machine sleep: how long until it is looked at again."""
AFTER_TROUBLE_MS = 1_000


class ScheduleSource:
    """The next due time is the place of a mark. What is due is handed over before the mark moves: after a crash in
    between it is handed over again, under the same id. A schedule that is not what it was begins anew."""

    def __init__(self, name: str, schedule: Schedule, topic: str, *, store: Store, clock: Clock) -> None:
        self.name = f"schedule:{name}"
        self.trouble: PerdureError | None = None
        self._schedule = schedule
        self._topic = topic
        self._store = store
        self._clock = clock
        self._mark = f"{MARKS}{name}"
        self._work = Background(self._run)

    async def start(self, sink: Sink) -> None:
        self._work.start(sink)

    async def stop(self) -> None:
        await self._work.stop()

    async def _run(self, sink: Sink) -> None:
        due: int | None = 0
        while due is not None:
            pause = AFTER_TROUBLE_MS
            try:
                with contextlib.suppress(VersionConflict):  # another process has moved the mark: look where it stands
                    due = await self._turn(sink)
                self.trouble = None
                if due is not None:
                    pause = min(max(due - self._clock.now(), 0), LONGEST_PAUSE_MS)
            except PerdureError as error:
                self.trouble = error
            await self._clock.sleep(pause)

    async def _turn(self, sink: Sink) -> int | None:
        """Hand over what is due. Gives the next due time, None where there is none."""
        now, mark = self._clock.now(), await self._store.mark(self._mark)
        if mark is None or not self._is_same(mark.data):
            value, due = self._schedule.begin(now)
            await self._move(None if mark is None else mark.seq, MarkRow(self._mark, due, now, value))
            return due
        if mark.seq > now:
            return mark.seq
        firing = plan(self.name, mark.data, mark.seq, now)
        for alarm in firing.alarms:
            await sink(self._envelope(alarm))
        if firing.next is not None:
            await self._move(mark.seq, msgspec.structs.replace(mark, seq=firing.next, at=now))
        return firing.next

    def _is_same(self, data: bytes) -> bool:
        try:
            return msgspec.structs.replace(unpack_as(data, Schedule), start=0) == self._schedule
        except msgspec.ValidationError:  # of a source of this name that was none of time
            return False

    async def _move(self, stands: int | None, to: MarkRow) -> None:
        await self._store.commit([PutMark(to)], (MarkIs(self._mark, stands),))

    def _envelope(self, alarm: Alarm) -> Envelope:
        return Envelope(
            f"evt_{digest([self.name, alarm.at])}",
            "",
            "event",
            alarm.payload,
            self.name,
            topic=self._topic,
            created_at=self._clock.now(),
        )
