"""The store port: one verb that writes, a few questions.

`commit(ops, guards)` is one transaction: first every guard is checked, then every operation applied; a guard that fails
fails its own commit with a typed reason and no other. Operations never fail once the guards have passed. A commit is on
disk when its future resolves, and commits of one store take effect in the order in which they were handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from perdure.kernel.records import Record

from .ops import Guard, Op
from .rows import (
    AgentRow,
    DeadLetter,
    Mail,
    Order,
    Page,
    RecordFilter,
    RunFilter,
    RunRow,
    ScopeRow,
    Timer,
    WorkerRow,
)


class Store(Protocol):
    def commit(self, ops: Sequence[Op], guards: Sequence[Guard] = ()) -> asyncio.Future[list[Any]]:
        """Write all of `ops` or nothing. The future gives one result per operation (see each); it raises GuardFailed
        or StoreError. Calling it queues the commit at once, so two calls in a row keep their order."""
        ...

    # point reads: fast, from memory or the page cache
    async def load_agent(self, agent_id: str) -> AgentRow | None: ...
    async def load_run(self, run_id: str) -> RunRow | None: ...
    async def find_run(self, agent_id: str, envelope_id: str) -> RunRow | None: ...
    async def spec(self, digest: str) -> bytes | None: ...
    async def blob(self, digest: str) -> bytes | None: ...
    async def seen(self, agent_id: str, id: str) -> bool: ...

    # what is to be done
    async def mail(self, agent_id: str, limit: int) -> list[Mail]:
        """Waiting envelopes, lower priority number first, then in order of arrival."""
        ...

    async def timers(self, agent_id: str) -> list[Timer]: ...
    async def due(self, now: int, limit: int) -> list[Timer]:
        """Timers due at `now` or before, the earliest first."""
        ...

    async def next_due(self) -> int | None: ...
    async def ready(self, stale_before: int, limit: int) -> list[str]:
        """Agents that nobody holds (or whose holder's heartbeat is before `stale_before`) and that have mail, or a run
        in state queued or running."""
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
        """Records with after < seq < before, blobs filled in."""
        ...

    async def runs(self, filter: RunFilter, *, cursor: str = "", limit: int = 50) -> Page[RunRow]:
        """The newest first; `cursor` is the `next` of the page before."""
        ...

    async def agents(self, *, cursor: str = "", limit: int = 50) -> Page[AgentRow]: ...
    async def dead_letters(self, agent_id: str, limit: int = 100) -> list[DeadLetter]: ...
    async def scopes(self, ids: Sequence[str]) -> list[ScopeRow]: ...
    async def workers(self) -> list[WorkerRow]: ...

    # the file itself
    async def reap(self) -> list[str]:
        """Forget workers that are known to be dead without waiting for their heartbeat to lapse (in SQLite: on this
        machine, the lock of their process is free). Returns their ids; a store that cannot know returns none."""
        ...

    async def gc(self) -> dict[str, int]:
        """Remove blobs and specs that nothing refers to. Returns counts and bytes freed."""
        ...

    async def verify(self, agent_id: str) -> list[str]:
        """Recompute the agent's hash chain: one line for each record changed, missing or out of order; empty is whole."""
        ...

    async def close(self) -> None: ...
