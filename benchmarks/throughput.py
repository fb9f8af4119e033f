"""Durable runs, 64 at once, in one process: how many a second, and what each costs in CPU.

A run is two model calls over loopback HTTP and one tool call. Its agent is new, its records go to a SQLite file with
`synchronous=FULL`, and each is on disk before the run goes on. The model server is a process of its own; its CPU does
not count.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser

import uvloop
from project import ANSWER, QUESTION, model_server, project
from work import at_once

import perdure


async def measure(folder: str, runs: int, clients: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")

        async def ask(_: str) -> None:
            result = await runtime.run(spec, QUESTION)
            assert result.output == ANSWER, result

        return await at_once(ask, runs, clients)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8_000)
    parser.add_argument("--at-once", type=int, default=64)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.runs, given.at_once))))
