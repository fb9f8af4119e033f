"""Telling a collector of runs: records are heard as they are written, and become spans."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import MsgspecError

from perdure.base.errors import PerdureError
from perdure.base.lazy import load
from perdure.kernel import records as r
from perdure.kernel.hearing import hearing
from perdure.kernel.journal import decode
from perdure.kernel.live import Live
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter, RunRow

from .sdk import Sink
from .settings import Destination
from .spans import EFFECTS, HAPPENINGS, Subject, span_of, span_of_run_ended, subject_of

KEPT = 4_096
"""Runs of which is known what their spans have in common."""
PAGE = 500

_WANTED = frozenset((*EFFECTS, r.RunResumed.type, r.RunFinished.type))
_UNTOLD = (PerdureError, MsgspecError, LookupError, TypeError, ValueError)
"""What a record may come to that cannot be told, as a Python agent can keep anything as an effect of any kind."""
_SDK_SINK = "perdure.adapters.otel.sdk:SdkSink"
_log = logging.getLogger("perdure.otel")


@asynccontextmanager
async def telling(live: Live, store: Store, sink: Sink, to: Destination) -> AsyncIterator[None]:
    """Tell `sink` of the runs of this process while this is entered; at its end what was heard is sent."""
    try:
        async with hearing(live, _WANTED, Telling(store, sink, to).take):
            yield
    finally:
        await sink.close()


def sdk_sink(to: Destination, *, worker: str) -> Sink:
    """A sink that sends. Raises ImportError where OpenTelemetry is not installed."""
    sink: Sink = load(_SDK_SINK)(to, worker=worker)
    return sink


class Telling:
    """Hears records of all runs. A run that is gone on with after a crash is told from its beginning, as nobody knows
    what of it was sent: its spans are the same, ids included, and a collector keeps each once."""

    def __init__(self, store: Store, sink: Sink, to: Destination) -> None:
        self._store = store
        self._sink = sink
        self._to = to
        self._subjects: OrderedDict[str, Subject | None] = OrderedDict()

    async def take(self, record: r.Record, lost: int) -> None:
        """Tell what a record means; `lost` were let go before it."""
        if lost:
            _log.warning("%d records came faster than they could be told as spans", lost)
        try:
            await self._tell(record)
        except _UNTOLD as error:
            _log.warning("%s of run %s was not told: %s", record.key or record.type, record.run_id, error)

    async def _tell(self, record: r.Record) -> None:
        subject = await self._subject(record)
        if subject is None:
            return
        if record.type == r.RunResumed.type:
            event = decode(record)
            if isinstance(event, r.RunResumed) and event.reason == "recovered":
                for earlier in await self._records(subject.run, EFFECTS, record.seq):
                    self._send(subject, earlier)
        elif record.type == r.RunFinished.type:
            subject.run = await self._store.load_run(record.run_id) or subject.run
            happenings = await self._records(subject.run, HAPPENINGS, record.seq)
            self._sink.take(subject.trace.id, span_of_run_ended(subject, record, happenings))
            self._subjects.pop(record.run_id, None)
        else:
            self._send(subject, record)

    def _send(self, subject: Subject, record: r.Record) -> None:
        span = span_of(subject, record)
        if span is not None:
            self._sink.take(subject.trace.id, span)

    async def _subject(self, record: r.Record) -> Subject | None:
        """What the spans of a record's run have in common; None where they are not told."""
        if record.run_id in self._subjects:
            self._subjects.move_to_end(record.run_id)
            return self._subjects[record.run_id]
        found = await self._find(record.run_id)
        self._subjects[record.run_id] = found
        if len(self._subjects) > KEPT:
            self._subjects.popitem(last=False)
        return found

    async def _find(self, run_id: str) -> Subject | None:
        run = await self._store.load_run(run_id)
        if run is None:
            return None
        wanted = RecordFilter(run.agent_id, run.id, (r.RunAccepted.type,))
        first = await self._store.records(wanted, after=run.first_seq - 1, limit=1)
        if not first:
            return None
        subject = subject_of(run, first[0], await self._store.spec(run.spec), content=self._to.content)
        return subject if subject.trace.sampled and subject.trace.within(self._to.sample) else None

    async def _records(self, run: RunRow, types: tuple[str, ...], before: int) -> list[r.Record]:
        found: list[r.Record] = []
        after = run.first_seq - 1
        wanted = RecordFilter(run.agent_id, run.id, types)
        while page := await self._store.records(wanted, after=after, before=before, limit=PAGE):
            found += page
            after = page[-1].seq
        return found
