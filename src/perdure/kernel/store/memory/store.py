"""The store in plain dicts: guards first, then operations, undone where one fails. Nothing outlives the process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from perdure.base.errors import PerdureError, StoreClosed
from perdure.kernel.chain import check
from perdure.kernel.records import Record
from perdure.kernel.store.ops import CollectGarbage, Guard, Op
from perdure.kernel.store.refusals import no_agent, unstorable
from perdure.kernel.store.rows import (
    ENDED,
    RESTING,
    AgentRow,
    Answer,
    Counts,
    DeadLetter,
    EventFilter,
    EventRow,
    Mail,
    MarkRow,
    Order,
    Page,
    RecordFilter,
    RunFilter,
    RunRow,
    RunStatus,
    ScopeRow,
    Timer,
    TopicRow,
    ValueRow,
    WorkerRow,
)
from perdure.kernel.store.snapshot import Snapshot
from perdure.kernel.store.written import Written

from . import events
from .answers import find_answer
from .apply import apply
from .guards import is_held, refusal
from .snapshot import by_time, snapshot
from .tables import Tables


class MemoryStore:
    """A `Store` for tests and for runs that need not last. `host` is noted for workers that do not name theirs."""

    def __init__(self, host: str = "memory") -> None:
        self._all = Tables()
        self._host = host
        self._closed = False
        self.written = Written()

    @property
    def _tables(self) -> Tables:
        self._must_be_open()
        return self._all

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreClosed("the store is closed")

    def commit(self, ops: Sequence[Op], guards: Sequence[Guard] = ()) -> asyncio.Future[list[Any]]:
        tables = self._tables
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Any]] = loop.create_future()
        try:
            outcome: list[Any] | PerdureError = self._transact(tables, ops, guards)
            self.written.note(1, 0.0)
        except PerdureError as error:
            outcome = error
        loop.call_soon(_resolve, future, outcome)  # later, as a disk would: a caller in a loop lets others go on
        return future

    def _transact(self, tables: Tables, ops: Sequence[Op], guards: Sequence[Guard]) -> list[Any]:
        for guard in guards:
            error = refusal(tables, guard)
            if error:
                raise error
        try:
            results = apply(tables, ops)
        except (TypeError, ValueError, OverflowError) as problem:
            tables.roll_back()
            raise unstorable(problem) from problem
        except PerdureError:
            tables.roll_back()
            raise
        tables.keep()
        return results

    # -- point reads --------------------------------------------------------------------------------------------------

    async def load_agent(self, agent_id: str) -> AgentRow | None:
        return self._tables.agents.get(agent_id)

    async def load_run(self, run_id: str) -> RunRow | None:
        found = self._tables.runs.get(run_id)
        return found[1] if found else None

    async def find_run(self, agent_id: str, envelope_id: str) -> RunRow | None:
        runs = self._tables.runs.values()
        found = [one for one in runs if one[1].agent_id == agent_id and one[1].envelope_id == envelope_id]
        return min(found)[1] if found else None

    async def spec(self, digest: str) -> bytes | None:
        return self._tables.specs.get(digest)

    async def blob(self, digest: str) -> bytes | None:
        return self._tables.blobs.get(digest)

    async def seen(self, agent_id: str, id: str) -> bool:
        return id in self._tables.seen.get(agent_id, ())

    async def value(self, agent_id: str, key: str) -> ValueRow | None:
        return self._tables.values.get(agent_id, {}).get(key)

    async def remembered(self, key: str, now: int) -> bytes | None:
        answer = find_answer(self._tables, key, now)
        return answer.data if answer else None

    # -- what is to be done -------------------------------------------------------------------------------------------

    async def mail(self, agent_id: str, limit: int) -> list[Mail]:
        waiting = self._tables.mail.get(agent_id, {}).values()
        return sorted(waiting, key=lambda mail: (mail.priority, mail.seq))[:limit]

    async def mail_count(self, agent_id: str) -> int:
        return len(self._tables.mail.get(agent_id, ()))

    async def timers(self, agent_id: str) -> list[Timer]:
        return by_time([timer for timer in self._tables.timers.values() if timer.agent_id == agent_id])

    async def due(self, now: int, limit: int) -> list[Timer]:
        return by_time([timer for timer in self._tables.timers.values() if timer.due <= now])[:limit]

    async def next_due(self) -> int | None:
        return min((timer.due for timer in self._tables.timers.values()), default=None)

    async def ready(self, stale_before: int, limit: int) -> list[str]:
        tables = self._tables
        busy = {agent_id for agent_id, inbox in tables.mail.items() if inbox}
        busy.update(run.agent_id for _, run in tables.runs.values() if run.status in ("queued", "running"))
        busy = {id for id in busy if tables.agents[id].status not in RESTING}
        free = (id for id in sorted(busy) if not is_held(tables, tables.agents[id].owner, stale_before))
        return [id for id, _ in zip(free, range(limit), strict=False)]

    # -- lists --------------------------------------------------------------------------------------------------------

    async def records(
        self,
        filter: RecordFilter,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        order: Order = "oldest",
    ) -> list[Record]:
        found: list[Record] = []
        if filter.run_id in self._tables.runs:
            after = max(after, self._tables.runs[filter.run_id][1].first_seq - 1)
        for record in self._candidates(filter, newest=order == "newest"):
            if len(found) >= limit:
                break
            if (
                after < record.seq
                and (before is None or record.seq < before)
                and filter.run_id in ("", record.run_id)
                and (not filter.types or record.type in filter.types)
                and not record.erased
            ):
                found.append(self._with_payload(record))
        return found

    def _candidates(self, filter: RecordFilter, newest: bool) -> Iterator[Record]:
        tables = self._tables
        agent_id = filter.agent_id
        if filter.run_id:
            if filter.run_id not in tables.runs:
                return
            of_run = tables.runs[filter.run_id][1].agent_id
            if agent_id not in ("", of_run):
                return
            agent_id = of_run
        if agent_id:
            journal = tables.journal.get(agent_id, {})
            yield from reversed(journal.values()) if newest else journal.values()
            return
        for seq in reversed(tables.order) if newest else tables.order:
            yield tables.journal[tables.order[seq]][seq]

    def _with_payload(self, record: Record) -> Record:
        return replace(record, payload=self._tables.blobs.get(record.blob)) if record.blob else record

    async def runs(self, filter: RunFilter, *, cursor: str = "", limit: int = 50) -> Page[RunRow]:
        found = sorted(
            (
                (number, row)
                for number, row in self._tables.runs.values()
                if filter.agent_id in ("", row.agent_id)
                and (not filter.status or row.status in filter.status)
                and filter.parent in ("", row.parent)
                and row.id.startswith(filter.id_prefix)
                and row.created_at >= filter.since
                and (not cursor or number < int(cursor))
            ),
            key=lambda pair: -pair[0],
        )
        more = str(found[limit - 1][0]) if len(found) > limit else ""
        return Page([row for _, row in found[:limit]], more)

    async def counts(self) -> Counts:
        tables = self._tables
        return Counts(
            len(tables.agents),
            dict(Counter(run.status for _, run in tables.runs.values() if run.status not in ENDED)),
            sum(map(len, tables.mail.values())),
            len(tables.timers),
            sum(map(len, tables.dead.values())),
        )

    async def run_counts(self, agent_id: str) -> dict[RunStatus, int]:
        return dict(Counter(run.status for _, run in self._tables.runs.values() if run.agent_id == agent_id))

    async def agents(self, *, cursor: str = "", limit: int = 50) -> Page[AgentRow]:
        found = sorted((row for row in self._tables.agents.values() if row.id > cursor), key=lambda row: row.id)
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else "")

    async def values(self, agent_id: str, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[ValueRow]:
        kept = self._tables.values.get(agent_id, {})
        found = sorted(key for key in kept if key.startswith(prefix) and key > cursor)
        return Page([kept[key] for key in found[:limit]], found[limit - 1] if len(found) > limit else "")

    async def answers(self, prefix: str, now: int, *, cursor: str = "", limit: int = 50) -> Page[Answer]:
        kept = self._tables.answers.values()
        valid = (one for _, one in kept if one.key.startswith(prefix) and one.key > cursor and one.expires_at > now)
        found = sorted(valid, key=lambda answer: answer.key)
        return Page(found[:limit], found[limit - 1].key if len(found) > limit else "")

    async def dead_letters(self, agent_id: str, limit: int = 100) -> list[DeadLetter]:
        letters = self._tables.dead.get(agent_id, {}).values()
        return [letter for _, letter in sorted(letters, key=lambda pair: -pair[0])[:limit]]

    async def dead_letter(self, agent_id: str, envelope_id: str) -> DeadLetter | None:
        found = self._tables.dead.get(agent_id, {}).get(envelope_id)
        return found[1] if found else None

    async def dead_letter_count(self, agent_id: str) -> int:
        return len(self._tables.dead.get(agent_id, ()))

    async def scopes(self, ids: Sequence[str]) -> list[ScopeRow]:
        rows = self._tables.scopes
        return [rows[id] for id in ids if id in rows]

    async def scopes_like(self, prefix: str, *, cursor: str = "", limit: int = 50) -> Page[ScopeRow]:
        rows = self._tables.scopes
        found = sorted(id for id in rows if id.startswith(prefix) and id > cursor)
        return Page([rows[id] for id in found[:limit]], found[limit - 1] if len(found) > limit else "")

    async def events(
        self,
        filter: EventFilter,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        order: Order = "oldest",
    ) -> list[EventRow]:
        return events.find(self._tables, filter, after, before, limit, order)

    async def event(self, id: str) -> EventRow | None:
        seq = self._tables.event_seqs.get(id)
        return None if seq is None else self._tables.events[seq]

    async def last_event(self) -> int:
        return self._tables.last.get("event", 0)

    async def topics(self, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[TopicRow]:
        found = events.topics(self._tables, prefix, cursor)
        return Page(found[:limit], found[limit - 1].topic if len(found) > limit else "")

    async def mark(self, name: str) -> MarkRow | None:
        return self._tables.marks.get(name)

    async def marks(self, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[MarkRow]:
        rows = self._tables.marks
        found = sorted(name for name in rows if name.startswith(prefix) and name > cursor)
        return Page([rows[name] for name in found[:limit]], found[limit - 1] if len(found) > limit else "")

    async def workers(self) -> list[WorkerRow]:
        rows = sorted(self._tables.workers.values(), key=lambda row: row.id)
        return [row if row.host else replace(row, host=self._host) for row in rows]

    def changed(self) -> int:
        self._must_be_open()
        return 0

    # -- the whole ----------------------------------------------------------------------------------------------------

    async def reap(self) -> list[str]:
        return []

    async def gc(self, now: int = 0) -> dict[str, int]:
        (freed,) = await self.commit((CollectGarbage(now),))
        return dict(freed)

    async def snapshot(self, agent_id: str) -> Snapshot:
        return snapshot(self._tables, agent_id)

    async def verify(self, agent_id: str) -> list[str]:
        tables = self._tables
        agent = tables.agents.get(agent_id)
        if agent is None:
            raise no_agent(agent_id)
        records = [self._with_payload(record) for record in tables.journal.get(agent_id, {}).values()]
        return check(records, head=agent.head, count=agent.records, kept_runs=tables.runs)

    async def close(self) -> None:
        self._closed = True


def _resolve(future: asyncio.Future[list[Any]], outcome: list[Any] | PerdureError) -> None:
    if future.done():
        return
    if isinstance(outcome, PerdureError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
