"""The store port: one verb that writes, a few questions.

`commit(ops, guards)` is one transaction: first every guard is checked, then every operation applied; a guard that fails
fails its own commit with a typed reason and no other. Once the guards have passed an operation fails, and its whole
commit with it, only for want of its agent (AgentNotFound), of room in an inbox (InboxFull), of a value that can be
stored (InputError), of a free name for what is restored (KeyExists), or of the disk (StoreError). A commit is on disk
when its future resolves, and commits of one store take effect in the order in which they were handed in. Cancelling the
future does not take the commit back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from perdure.kernel.records import Record

from .ops import Guard, Op
from .rows import (
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
from .snapshot import Snapshot
from .written import Written


class Store(Protocol):
    def commit(self, ops: Sequence[Op], guards: Sequence[Guard] = ()) -> asyncio.Future[list[Any]]:
        """Write all of `ops` or nothing. The future gives one result per operation (see each, None for most); it raises
        GuardFailed, BudgetExceeded or StoreError. Calling it queues the commit at once, so two calls in a row keep
        their order. A closed store raises StoreClosed from the call itself."""
        ...

    # point reads: fast, from memory or the page cache
    async def load_agent(self, agent_id: str) -> AgentRow | None: ...
    async def load_run(self, run_id: str) -> RunRow | None: ...
    async def find_run(self, agent_id: str, envelope_id: str) -> RunRow | None:
        """The first run that this envelope began."""
        ...

    async def spec(self, digest: str) -> bytes | None: ...
    async def blob(self, digest: str) -> bytes | None: ...
    async def seen(self, agent_id: str, id: str) -> bool: ...
    async def value(self, agent_id: str, key: str) -> ValueRow | None: ...
    async def remembered(self, key: str, now: int) -> bytes | None:
        """The answer under this idempotency key, None where there is none or it has expired at `now`."""
        ...

    # what is to be done
    async def mail(self, agent_id: str, limit: int) -> list[Mail]:
        """Waiting envelopes, lower priority number first, then in order of arrival."""
        ...

    async def mail_count(self, agent_id: str) -> int: ...
    async def timers(self, agent_id: str) -> list[Timer]:
        """The earliest first."""
        ...

    async def due(self, now: int, limit: int) -> list[Timer]:
        """Timers due at `now` or before, the earliest first."""
        ...

    async def next_due(self) -> int | None: ...
    async def ready(self, stale_before: int, limit: int) -> list[str]:
        """Agents that nobody holds (or whose holder's heartbeat is before `stale_before`) and that have mail, or a run
        in state queued or running; ordered by id. Those at rest (`rows.RESTING`) are left out."""
        ...

    # lists, for people and for replay
    async def records(
        self,
        filter: RecordFilter,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        order: Order = "oldest",
    ) -> list[Record]:
        """Records with after < seq < before, blobs filled in. Those of a deleted run are left out."""
        ...

    async def runs(self, filter: RunFilter, *, cursor: str = "", limit: int = 50) -> Page[RunRow]:
        """The newest first; `cursor` is the `next` of the page before."""
        ...

    async def run_counts(self, agent_id: str) -> dict[RunStatus, int]:
        """How many runs of the agent are in which state; states without any are left out."""
        ...

    async def agents(self, *, cursor: str = "", limit: int = 50) -> Page[AgentRow]:
        """In order of their ids."""
        ...

    async def values(self, agent_id: str, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[ValueRow]:
        """What the agent (or the project: "") keeps under keys that begin with `prefix`, in order of the keys."""
        ...

    async def answers(self, prefix: str, now: int, *, cursor: str = "", limit: int = 50) -> Page[Answer]:
        """Remembered answers whose keys begin with `prefix` and that have not expired, in order of the keys."""
        ...

    async def dead_letters(self, agent_id: str, limit: int = 100) -> list[DeadLetter]:
        """The newest first."""
        ...

    async def dead_letter(self, agent_id: str, envelope_id: str) -> DeadLetter | None: ...
    async def dead_letter_count(self, agent_id: str) -> int: ...
    async def scopes(self, ids: Sequence[str]) -> list[ScopeRow]:
        """Those of `ids` that have a row, in the order asked for."""
        ...

    async def scopes_like(self, prefix: str, *, cursor: str = "", limit: int = 50) -> Page[ScopeRow]:
        """Scopes whose ids begin with `prefix`, in order of their ids."""
        ...

    # events
    async def events(
        self,
        filter: EventFilter,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int = 1000,
        order: Order = "oldest",
    ) -> list[EventRow]:
        """Events of the log with after < seq < before."""
        ...

    async def event(self, id: str) -> EventRow | None: ...
    async def last_event(self) -> int:
        """The seq that an event got last, 0 before the first."""
        ...

    async def topics(self, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[TopicRow]:
        """Topics that have events and begin with `prefix`, in order of their names."""
        ...

    async def mark(self, name: str) -> MarkRow | None: ...
    async def marks(self, prefix: str = "", *, cursor: str = "", limit: int = 50) -> Page[MarkRow]:
        """Marks whose names begin with `prefix`, in order of their names."""
        ...

    async def workers(self) -> list[WorkerRow]:
        """In order of their ids."""
        ...

    async def counts(self) -> Counts:
        """How many agents, open runs, waiting envelopes, timers and dead letters there are."""
        ...

    @property
    def written(self) -> Written:
        """What this process wrote since it opened the store."""
        ...

    def changed(self) -> int:
        """A number that is another one after some other process has committed and this one too, be it nothing
        (`commit([])`): a hint to poll, telling that it is worth asking what is ready."""
        ...

    # the file itself
    async def reap(self) -> list[str]:
        """Forget workers that are known to be dead without waiting for their heartbeat to lapse (in SQLite: on this
        machine, the lock of their process is free). Returns their ids; a store that cannot know returns none."""
        ...

    async def gc(self, now: int = 0) -> dict[str, int]:
        """Commit CollectGarbage, and return its result."""
        ...

    async def snapshot(self, agent_id: str) -> Snapshot:
        """All that there is of the agent, as of one moment; see Restore. Raises AgentNotFound."""
        ...

    async def verify(self, agent_id: str) -> list[str]:
        """Recompute the agent's hash chain: one line for each record changed, missing or out of order; empty is whole.
        Raises AgentNotFound."""
        ...

    async def close(self) -> None:
        """Finish what was committed, then let go of everything; closing again does nothing."""
        ...
