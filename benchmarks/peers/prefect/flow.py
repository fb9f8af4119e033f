"""Prefect: a flow that awaits a task for each step, with the server that it starts itself and persisted results."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from peers.steps import Prepare, Run, main
from prefect import flow, task


@task
async def add(n: int) -> int:
    return n + 1


@flow
async def row(steps: int) -> int:
    n = 0
    for _ in range(steps):
        n = await add(n)
    return n


@asynccontextmanager
async def open(folder: Path) -> AsyncIterator[Prepare]:
    # What it keeps is in its home, ~/.prefect; its server is started by the first flow and stopped with the process.
    def prepare(steps: int) -> Run:
        async def run() -> int:
            return int(await row(steps))

        return run

    yield prepare


if __name__ == "__main__":
    main(open)
