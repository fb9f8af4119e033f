"""The store in one SQLite file: a thread that writes, a connection that reads, locks that tell who is alive."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import apsw

from perdure.base.errors import StoreClosed
from perdure.base.lazy import load
from perdure.kernel.records import Record
from perdure.kernel.store.ops import CollectGarbage, ForgetWorker, Guard, Op
from perdure.kernel.store.rows import (
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
from perdure.kernel.store.written import Written

from .faults import fault
from .liveness import WorkerLocks
from .reader import Reader
from .schema import BUSY_MS, SCHEMA, Schema, connect, prepare
from .transaction import Transaction
from .writer import Writer

if TYPE_CHECKING:
    from perdure.kernel.store.snapshot import Snapshot

AUDIT = "perdure.kernel.store.sqlite.audit:audit"
SNAPSHOT = "perdure.kernel.store.sqlite.snapshot:snapshot"

P = ParamSpec("P")
T = TypeVar("T")


def _quiet(point: str) -> None:
    pass


class SqliteStore:
    """A `Store` in the file at `path`; any number of processes may have it open. Made by `open`.

    To be used from one thread, by any event loop that runs there. Reads are short and done at once in the caller.
    """

    def __init__(self, path: str, writer: Writer, reader: Reader, locks: WorkerLocks, host: str) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._locks = locks
        self._host = host
        self._closed = False

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        host: str = socket.gethostname(),
        probe: Callable[[str], None] = _quiet,
        schema: Schema = SCHEMA,
        busy_ms: int = BUSY_MS,
    ) -> SqliteStore:
        """Open the file, made with its folder where there is none, and migrated after a backup where it is older.

        `probe` is called in the writer's thread at "store.before_commit" and "store.after_commit". A commit fails with
        StoreBusy when another process holds the file for `busy_ms`. Raises StoreTooNew, StoreCorrupt, StoreReadOnly,
        StoreFull, StoreBusy.
        """
        name = os.fspath(path)
        connections: list[apsw.Connection] = []
        try:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            connections.append(connect(name, busy_ms))
            prepare(connections[0], name, schema, busy_ms)
            connections.append(connect(name, busy_ms))
        except (apsw.Error, OSError) as error:
            code = connections[0].system_errno if connections else 0
            raise fault(error, name, code) from error
        finally:
            if len(connections) < 2:
                for connection in connections:
                    connection.close()
        locks = WorkerLocks(f"{name}.workers")
        writing, reading = connections
        writer = Writer(writing, Transaction(writing, schema.version, locks, host), name, busy_ms, probe)
        return cls(name, writer, Reader(reading), locks, host)

    def commit(self, ops: Sequence[Op], guards: Sequence[Guard] = ()) -> asyncio.Future[list[Any]]:
        if self._closed:
            raise StoreClosed(f"{self.path} is closed")
        return self._writer.submit(ops, guards)

    def _read(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closed:
            raise StoreClosed(f"{self.path} is closed")
        try:
            return question(*args, **kwargs)
        except apsw.Error as error:
            raise fault(error, self.path) from error

    # -- point reads --------------------------------------------------------------------------------------------------

    async def load_agent(self, agent_id: str) -> AgentRow | None:
        return self._read(self._reader.agent, agent_id)

    async def load_run(self, run_id: str) -> RunRow | None:
        return self._read(self._reader.run, run_id)

    async def find_run(self, agent_id: str, envelope_id: str) -> RunRow | None:
        return self._read(self._reader.find_run, agent_id, envelope_id)

    async def spec(self, digest: str) -> bytes | None:
        return self._read(self._reader.spec, digest)

    async def blob(self, digest: str) -> bytes | None:
        return self._read(self._reader.blob, digest)

    async def seen(self, agent_id: str, id: str) -> bool:
        return self._read(self._reader.seen, agent_id, id)

    async def value(self, agent_id: str, key: str) -> ValueRow | None:
        return self._read(self._reader.value, agent_id, key)

    async def remembered(self, key: str, now: int) -> bytes | None:
        return self._read(self._reader.remembered, key, now)

    # -- what is to be done -------------------------------------------------------------------------------------------

    async def mail(self, agent_id: str, limit: int) -> list[Mail]:
        return self._read(self._reader.mail, agent_id, limit)

    async def mail_count(self, agent_id: str) -> int:
        return self._read(self._reader.mail_count, agent_id)

    async def timers(self, agent_id: str) -> list[Timer]:
        return self._read(self._reader.timers, agent_id)

    async def due(self, now: int, limit: int) -> list[Timer]:
        return self._read(self._reader.due, now, limit)

    async def next_due(self) -> int | None:
        return self._read(self._reader.next_due)

    async def ready(self, stale_before: int, limit: int) -> list[str]:
        return self._read(self._reader.ready, stale_before, limit)

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
        return self._read(self._reader.records, filter, after, before, limit, order)

    async def runs(self, filter: RunFilter, *, cursor: str = "", limit: int = 50) -> Page[RunRow]:
        return self._read(self._reader.runs, filter, cursor, limit)

    async def counts(self) -> Counts:
        return self._read(self._reader.counts)

    @property
    def written(self) -> Written:
        return self._writer.written

    async def run_counts(self, agent_id: str) -> dict[RunStatus, int]:
        return self._read(self._reader.run_counts, agent_id)

    async def agents(self, *, cursor: str = "", limit: int = 50) -> Page[AgentRow]:
        return self._read(self._reader.agents, cursor, limit)

    async def values(self, agent_id: str, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[ValueRow]:
        return self._read(self._reader.values, agent_id, prefix, cursor, limit)

    async def answers(self, prefix: str, now: int, *, cursor: str = "", limit: int = 50) -> Page[Answer]:
        return self._read(self._reader.answers, prefix, now, cursor, limit)

    async def dead_letters(self, agent_id: str, limit: int = 100) -> list[DeadLetter]:
        return self._read(self._reader.dead_letters, agent_id, limit)

    async def dead_letter(self, agent_id: str, envelope_id: str) -> DeadLetter | None:
        return self._read(self._reader.dead_letter, agent_id, envelope_id)

    async def dead_letter_count(self, agent_id: str) -> int:
        return self._read(self._reader.dead_letter_count, agent_id)

    async def scopes(self, ids: Sequence[str]) -> list[ScopeRow]:
        return self._read(self._reader.scopes, ids)

    async def scopes_like(self, prefix: str, *, cursor: str = "", limit: int = 50) -> Page[ScopeRow]:
        return self._read(self._reader.scopes_like, prefix, cursor, limit)

    async def events(
        self,
        filter: EventFilter,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        order: Order = "oldest",
    ) -> list[EventRow]:
        return self._read(self._reader.events, filter, after, before, limit, order)

    async def event(self, id: str) -> EventRow | None:
        return self._read(self._reader.event, id)

    async def last_event(self) -> int:
        return self._read(self._reader.last_event)

    async def topics(self, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[TopicRow]:
        return self._read(self._reader.topics, prefix, cursor, limit)

    async def mark(self, name: str) -> MarkRow | None:
        return self._read(self._reader.mark, name)

    async def marks(self, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[MarkRow]:
        return self._read(self._reader.marks, prefix, cursor, limit)

    async def workers(self) -> list[WorkerRow]:
        return self._read(self._reader.workers)

    def changed(self) -> int:
        if self._closed:
            raise StoreClosed(f"{self.path} is closed")
        return self._writer.changed

    # -- the file itself ----------------------------------------------------------------------------------------------

    async def reap(self) -> list[str]:
        others = [row.id for row in await self.workers() if row.host == self._host and not self._locks.holds(row.id)]
        dead = [id for id in others if self._locks.take_over(id)]
        if dead:
            try:
                await self.commit([ForgetWorker(id) for id in dead])
            finally:
                for id in dead:
                    self._locks.drop(id)
        return dead

    async def gc(self, now: int = 0) -> dict[str, int]:
        (freed,) = await self.commit((CollectGarbage(now),))
        return dict(freed)

    async def snapshot(self, agent_id: str) -> Snapshot:
        found: Snapshot = await self._aside(SNAPSHOT, agent_id)
        return found

    async def verify(self, agent_id: str) -> list[str]:
        found: list[str] = await self._aside(AUDIT, agent_id)
        return found

    async def _aside(self, question: str, agent_id: str) -> Any:
        """The answer to a question that takes long, asked in a thread and on a connection of its own."""

        def ask() -> Any:
            connection = connect(self.path)
            try:
                return load(question)(connection, agent_id)
            finally:
                connection.close()

        return await asyncio.to_thread(self._read, ask)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reader.close()
        await self._writer.close()
        self._locks.close()
