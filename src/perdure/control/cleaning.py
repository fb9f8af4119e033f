"""Cleaning up: what nothing refers to any more, and runs that ended long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.base.errors import GuardFailed, InputError, RunError
from perdure.kernel.store.rows import RunFilter, RunRow

from .deletion import delete_run
from .finding import each_run

if TYPE_CHECKING:
    from .runtime import Runtime


class Cleaned(msgspec.Struct, frozen=True):
    """What is gone: `bytes` are those of blobs and specs; `workers` were dead; `kept` could not be deleted, and why."""

    runs: int = 0
    agents: int = 0
    blobs: int = 0
    specs: int = 0
    bytes: int = 0
    workers: int = 0
    kept: tuple[str, ...] = ()


async def gc(runtime: Runtime, *, older_than_ms: int | None = None) -> Cleaned:
    """Remove blobs and specs that nothing names, forget dead workers, and with `older_than_ms` delete runs that ended
    longer ago than that."""
    if older_than_ms is not None and older_than_ms < 0:
        raise InputError("an age is not negative")
    workers = await runtime.store.reap()
    runs = agents = 0
    kept: list[str] = []
    for run in await _old(runtime, older_than_ms) if older_than_ms is not None else ():
        try:
            gone = await delete_run(runtime, run.id)
        except (RunError, GuardFailed) as error:
            kept.append(f"{run.id}: {error.message}")
            continue
        runs += len(gone.runs)
        agents += len(gone.agents)
    freed = await runtime.store.gc(runtime.clock.now())
    return Cleaned(runs, agents, freed["blobs"], freed["specs"], freed["bytes"], len(workers), tuple(kept))


async def _old(runtime: Runtime, older_than_ms: int) -> list[RunRow]:
    before = runtime.clock.now() - older_than_ms
    filter = RunFilter(status=("done", "failed", "cancelled"))
    return [run async for run in each_run(runtime.store, filter) if run.finished_at <= before]
