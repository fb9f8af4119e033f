"""A commit of one record, on disk, and a claim."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pyperf

from perdure.kernel.records import Record
from perdure.kernel.store.ops import Append, Claim, Claimable, HasFence, PutAgent, Unclaim
from perdure.kernel.store.rows import AgentRow
from perdure.kernel.store.sqlite import SqliteStore

AT_ONCE = 64
Work = Callable[[SqliteStore, str, int], Awaitable[None]]


async def commit(store: SqliteStore, agent_id: str, loops: int) -> None:
    for number in range(loops):
        record = Record(agent_id, "run_1", f"step{number}/model", "effect.done", number, b"x" * 300)
        await store.commit((Append(agent_id, (record,)),), (HasFence(agent_id, "wrk", 1),))


async def claim(store: SqliteStore, agent_id: str, loops: int) -> None:
    for _ in range(loops):
        await store.commit((Unclaim(agent_id, "wrk"),))
        await store.commit((Claim(agent_id, "wrk"),), (Claimable(agent_id, "wrk", 0),))


async def timed(folder: str, work: Work, agents: int, loops: int) -> float:
    store = SqliteStore.open(Path(folder) / "micro.db")
    ids = [f"agent-{number}" for number in range(agents)]
    await store.commit([PutAgent(AgentRow(id, "spec", 1, "wrk", 1)) for id in ids])
    started = perf_counter()
    await asyncio.gather(*(work(store, id, loops) for id in ids))
    took = perf_counter() - started
    await store.close()
    return took


def measure(work: Work, agents: int, loops: int) -> float:
    with TemporaryDirectory() as folder:
        return asyncio.run(timed(folder, work, agents, loops))


if __name__ == "__main__":
    runner = pyperf.Runner()
    runner.bench_time_func("commit of a record, alone", partial(measure, commit, 1))
    runner.bench_time_func(
        f"commit of a record, {AT_ONCE} at once, each", partial(measure, commit, AT_ONCE), inner_loops=AT_ONCE
    )
    runner.bench_time_func("claim, given up before", partial(measure, claim, 1))
