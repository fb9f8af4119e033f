"""Ten thousand agents that have each done a run and have nothing to do: what one holds of memory in the process, beside
its row on disk, and how long it takes from a message written to its inbox until its handler runs."""

from __future__ import annotations

import gc
import json
from argparse import ArgumentParser
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop
from measure import quantile, rss_mb

import perdure

AT_ONCE = 100
WOKEN = 300
begun: list[float] = []


class Sleeper(perdure.Agent):
    """Notes when it is woken; asks no model, so that all that is measured is Perdure's."""

    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> str:
        begun.append(perf_counter())
        return "zzz"


async def measure(folder: Path, agents: int) -> dict[str, float]:
    chance = Random(7)
    async with perdure.open(folder) as runtime:
        early = warm = 0.0
        for first in range(0, agents, AT_ONCE):
            runs = [
                await runtime.start(Sleeper, "sleep", agent=f"a{number}") for number in range(first, first + AT_ONCE)
            ]
            for run in runs:
                await runtime.wait(run)
            if first + AT_ONCE == agents // 10:
                gc.collect()
                early, warm = rss_mb(), agents - agents // 10
        gc.collect()
        late = rss_mb()
        begun.clear()
        took = []
        for _ in range(WOKEN):
            path = f"/agents/a{chance.randrange(agents)}/inbox"
            wrote = perf_counter()
            run_id = json.loads(await runtime.namespace.call(path, "wake up"))["run_id"]
            await runtime.wait(run_id)
            took.append((begun.pop() - wrote) * 1000)
    return {
        "agents": agents,
        "rss_mb": late,
        "bytes_per_agent": (late - early) * 2**20 / warm,
        "wake_p50_ms": quantile(took, 0.5),
        "wake_p99_ms": quantile(took, 0.99),
    }


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="perdure-bench-") as name:
        print(json.dumps(uvloop.run(measure(Path(name), given.agents))))
