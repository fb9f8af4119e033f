"""Durable runs, 64 at once, in one process: how many a second, and what each costs in CPU.

A run is two model calls over loopback HTTP and one tool call. Its agent is new, its records go to a SQLite file with
`synchronous=FULL`, and each is on disk before the run goes on. The model server is a process of its own; its CPU does
not count.
"""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser

import uvloop
from measure import Meter, pace_ms
from project import ANSWER, QUESTION, model_server, project

import perdure


async def measure(folder: str, runs: int, at_once: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")

        async def client(count: int) -> None:
            for _ in range(count):
                result = await runtime.run(spec, QUESTION)
                assert result.output == ANSWER, result

        async def all_clients(count: int) -> None:
            await asyncio.gather(*(client(count) for _ in range(at_once)))

        await all_clients(4)  # connections, code paths and caches are warm
        each = max(1, runs // at_once)
        meter = Meter()
        await all_clients(each)
        wall, cpu = meter.wall_ms, meter.cpu_ms
    done = each * at_once
    return {"runs": done, "cpu_ms_per_run": cpu / done, "runs_per_s": done / wall * 1000, "pace_ms": pace_ms()}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8_000)
    parser.add_argument("--at-once", type=int, default=64)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.runs, given.at_once))))
