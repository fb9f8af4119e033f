"""A run replayed from its records: by the effect, and the reading of the records alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec
import pyperf

import perdure
from perdure.base.codec import pack
from perdure.kernel import records as r
from perdure.kernel.context import Context
from perdure.kernel.journal import encode, fold

RECORDS = 1_000
EFFECTS = 200


class Looking(perdure.Agent):
    """Does so many effects, one after another."""

    async def on_message(self, ctx: Context, message: perdure.Envelope) -> Any:
        async def call(_: str) -> int:
            return 47

        return sum([await ctx.effect("look", "", call, effect="read") for _ in range(EFFECTS)])


async def replayed(folder: str, loops: int) -> float:
    async with perdure.open(folder) as runtime:
        run = await runtime.run(Looking, "go")
        started = perf_counter()
        for _ in range(loops):
            await runtime.replay(run.run_id)
        return perf_counter() - started


def effects_read(loops: int) -> float:
    with TemporaryDirectory() as folder:
        (Path(folder) / "perdure.toml").touch()
        return asyncio.run(replayed(folder, loops))


def read_back(records: list[r.Record]) -> None:
    fold(records)


if __name__ == "__main__":
    runner = pyperf.Runner()
    done = r.EffectDone(kind="tool", digest="0" * 32, body=msgspec.Raw(pack({"text": "25 * 47 is 1,175."})))
    journal = [
        encode(done, agent_id="calc", run_id="run_1", key=f"step{step}/tool:calculate", at=step)
        for step in range(RECORDS)
    ]
    runner.bench_time_func("effect answered by the journal, in a replay", effects_read, inner_loops=EFFECTS)
    runner.bench_func(f"{RECORDS:,} records read back", read_back, journal)
