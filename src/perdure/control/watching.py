"""Going on with everything that lies idle: once, or for as long as somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from perdure.base.errors import PerdureError
from perdure.kernel.store.rows import RunFilter

from .finding import each_run
from .results import RunResult

if TYPE_CHECKING:
    from .runtime import Runtime

AT_ONCE = 512


class Progress(msgspec.Struct, frozen=True):
    """`taken`: the run goes on here. `rested`: it ended, yielded, was paused or waits for a person, as `result` says.
    `broken`: it cannot be gone on with, for the reason in `error`."""

    type: Literal["taken", "rested", "broken"]
    run_id: str
    agent_id: str
    result: RunResult | None = None
    error: PerdureError | None = None


Place: TypeAlias = tuple[str, str]
"""A run and its agent."""


async def resume_all(runtime: Runtime, *, watch: bool = False) -> AsyncIterator[Progress]:
    """Go on with every run that nobody works at, and tell how each comes out; it ends when nothing is left to go on
    with. With `watch` it does not end, and tells of every run that this process takes up, which is any whose worker
    is gone where the runtime was opened with `recover`."""
    going: dict[asyncio.Task[RunResult], Place] = {}
    woken: set[str] = set()
    try:
        while True:
            for place in await _take(runtime, woken):
                if place not in going.values():
                    going[asyncio.create_task(runtime.wait(place[0]))] = place
                    yield Progress("taken", *place)
            if not going and not watch:
                return
            for task in await _rested(runtime, going):
                yield _told(task, *going.pop(task))
    finally:
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)


async def _take(runtime: Runtime, woken: set[str]) -> list[Place]:
    """Wake agents that have something to do and that nobody holds; the runs at work here because of that, or anyway."""
    store, engine, now = runtime.store, runtime.engine, runtime.clock.now()
    await store.reap()
    found: dict[Place, None] = {}
    async for run in each_run(store, RunFilter(status=("queued", "running"))):
        agent = await store.load_agent(run.agent_id)
        if agent is not None and agent.owner == engine.worker and agent.active_run == run.id:
            found[run.id, run.agent_id] = None
    ready = await store.ready(now - engine.settings.lease_ms, AT_ONCE)
    overdue = [timer.agent_id for timer in await store.due(now, AT_ONCE)]
    for agent_id in dict.fromkeys((*ready, *overdue)):
        agent = await store.load_agent(agent_id)
        if agent is not None and agent_id not in woken:
            woken.add(agent_id)
            engine.wake(agent_id)
            if agent.active_run:
                found[agent.active_run, agent_id] = None
                continue
            async for run in each_run(store, RunFilter(agent_id=agent_id, status=("queued",))):
                found[run.id, agent_id] = None  # left by a process that did not work at it
    return list(found)


async def _rested(runtime: Runtime, going: dict[asyncio.Task[RunResult], Place]) -> list[asyncio.Task[RunResult]]:
    """Those that came to rest, waiting for them no longer than until it is time to look around again."""
    pause = asyncio.ensure_future(runtime.clock.sleep(runtime.engine.settings.poll_ms))
    try:
        done, _ = await asyncio.wait((*going, pause), return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
    return [task for task in going if task in done]


def _told(task: asyncio.Task[RunResult], run_id: str, agent_id: str) -> Progress:
    error = task.exception()
    if error is None:
        return Progress("rested", run_id, agent_id, task.result())
    if not isinstance(error, PerdureError):
        raise error
    return Progress("broken", run_id, agent_id, error=error)
