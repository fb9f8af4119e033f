"""Whoever waits for runs to come to rest, and what the store says of a run's end."""

from __future__ import annotations

import asyncio
from collections.abc import KeysView

from perdure.base.codec import unpack
from perdure.base.errors import PerdureError, RunNotFound

from . import records as r
from .holding import Ended
from .journal import decode
from .store.port import Store
from .store.rows import ENDED, RESTING, RecordFilter, RunRow

UNDER_WAY = frozenset(("queued", "running", "waiting"))
NEEDS_A_PERSON = frozenset(("approval", "in_doubt", "budget", "tool", "message"))


class Watchers:
    """Everybody of this process who waits, by agent."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, list[_Watcher]] = {}

    @property
    def agents(self) -> KeysView[str]:
        return self._waiting.keys()

    def any(self, agent_id: str) -> bool:
        """Whether somebody waits for a run of this agent and has not been told."""
        return any(not watcher.news.done() for watcher in self._waiting.get(agent_id, ()))

    async def rest(self, run: RunRow, *, person: bool, unlike: RunRow | None, moving: bool) -> Ended:
        """Wait until the run has ended, yielded, was paused or, with `person`, waits for somebody. A row like `unlike`
        is no news; `moving` says that a turn is under way, which will tell."""
        watcher = _Watcher(run.id, person, unlike)
        self._waiting.setdefault(run.agent_id, []).append(watcher)
        try:
            if not moving:
                await self.look_again(run.agent_id)
            return await watcher.news
        finally:
            self._waiting[run.agent_id].remove(watcher)
            if not self._waiting[run.agent_id]:
                del self._waiting[run.agent_id]

    def tell(self, ended: Ended) -> None:
        for watcher in self._waiting.get(ended.run.agent_id, ()):
            if watcher.run_id == ended.run.id:
                watcher.tell(ended)

    def fail(self, agent_id: str, error: PerdureError) -> None:
        for watcher in self._waiting.get(agent_id, ()):
            watcher.fail(error)

    async def look_again(self, agent_id: str) -> None:
        """Tell whoever watches runs of this agent what the store says of them."""
        for run_id in {watcher.run_id for watcher in self._waiting.get(agent_id, ()) if not watcher.news.done()}:
            run = await self._store.load_run(run_id)
            if run is not None:
                self.tell(await ended(self._store, run))
                continue
            for watcher in self._waiting.get(agent_id, ()):
                if watcher.run_id == run_id:
                    watcher.fail(RunNotFound(f"no run {run_id}", run_id=run_id))


class _Watcher:
    __slots__ = ("news", "person", "run_id", "unlike")

    def __init__(self, run_id: str, person: bool, unlike: RunRow | None) -> None:
        self.run_id = run_id
        self.person = person
        self.unlike = unlike
        self.news: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def tell(self, ended: Ended) -> None:
        if not self.news.done() and ended.run != self.unlike and _is_rest(ended, self.person):
            self.news.set_result(ended)

    def fail(self, error: PerdureError) -> None:
        if not self.news.done():
            self.news.set_exception(error)


def _is_rest(ended: Ended, person: bool) -> bool:
    status = ended.run.status
    if status in ENDED or status in ("yielded", "paused"):
        return True
    if status in ("queued", "running"):
        return person and bool(ended.waits)  # behind a run that waits for somebody, or of an agent that is at rest
    return person and (ended.run.waiting_for in NEEDS_A_PERSON or any(wait.kind == "start" for wait in ended.waits))


async def ended(store: Store, run: RunRow) -> Ended:
    """A run with what its last record says of its output, error or waits."""
    types = (r.RunFinished.type, r.RunWaiting.type, r.RunYielded.type)
    found = await store.records(RecordFilter(run.agent_id, run.id, types), limit=1, order="newest")
    event = decode(found[0]) if found else None
    if run.status in UNDER_WAY and (halted := await _halted(store, run)):
        return Ended(run, waits=halted)
    match event:
        case r.RunFinished():
            value = unpack(event.body)
            return Ended(run, value) if event.status == "done" else Ended(run, error=value)
        case r.RunYielded():
            return Ended(run, unpack(event.body))
        case r.RunWaiting() if run.status == "waiting":
            return Ended(run, waits=event.waits)
        case _ if run.status == "queued":
            return Ended(run, waits=await _ahead(store, run))
        case _:
            return Ended(run)


async def _halted(store: Store, run: RunRow) -> tuple[r.Wait, ...]:
    """What the run waits for where its agent is at rest: that somebody lets it start again."""
    agent = await store.load_agent(run.agent_id)
    if agent is None or agent.status not in RESTING:
        return ()
    return (r.Wait("start", "start", about={"agent": agent.id, "status": agent.status}),)


async def _ahead(store: Store, run: RunRow) -> tuple[r.Wait, ...]:
    """What the run waits for that is active before this one, where that needs a person."""
    agent = await store.load_agent(run.agent_id)
    active = await store.load_run(agent.active_run) if agent is not None and agent.active_run else None
    if active is None or active.id == run.id or active.waiting_for not in NEEDS_A_PERSON:
        return ()
    return (await ended(store, active)).waits
