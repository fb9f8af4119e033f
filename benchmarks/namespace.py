"""Reads of virtual files in process, through a mount table into the directory of an agent kept in a SQLite file:
`status`, which asks seven things of the store, an item of `goals/`, which asks two, and a file of a tree in memory."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import uvloop
from measure import Meter
from project import QUESTION, model_server, project

import perdure
from perdure.base.clock import SystemClock
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.tree import MemoryTree

GOAL = '{"description": "Answer every question", "priority": 1}'


async def rate(namespace: Namespace, path: str, reads: int) -> tuple[float, float]:
    """Reads a second, and the CPU of one in microseconds."""
    for _ in range(1_000):
        await namespace.read(path)
    meter = Meter()
    for _ in range(reads):
        await namespace.read(path)
    return reads / meter.wall_ms * 1000, meter.cpu_ms / reads * 1000


async def measure(folder: Path, reads: int) -> dict[str, float]:
    notes = Namespace(Mounted(MountTable(Mount(path=("notes",), service=MemoryTree(SystemClock())))))
    await notes.write("/notes/plan", GOAL)
    found: dict[str, float] = {"reads": reads}
    async with perdure.open(folder) as runtime:
        for _ in range(3):
            await runtime.run("calc.yaml", QUESTION, agent="calc")
        await runtime.namespace.write("/agents/calc/goals/answer.json", GOAL)
        for name, namespace, path in (
            ("status", runtime.namespace, "/agents/calc/status"),
            ("goal", runtime.namespace, "/agents/calc/goals/answer.json"),
            ("memory", notes, "/notes/plan"),
        ):
            found[f"{name}_reads_per_s"], found[f"{name}_us_per_read"] = await rate(namespace, path, reads)
    return found


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=100_000)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(folder, given.reads))))
