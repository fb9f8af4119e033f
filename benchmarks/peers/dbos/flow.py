"""DBOS on SQLite: a workflow that calls a step so many times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dbos import DBOS
from peers.steps import Prepare, Run, main


@DBOS.step()
def add(n: int) -> int:
    return n + 1


@DBOS.workflow()
def row(steps: int) -> int:
    n = 0
    for _ in range(steps):
        n = add(n)
    return n


@asynccontextmanager
async def open(folder: Path) -> AsyncIterator[Prepare]:
    DBOS(
        config={
            "name": "peer",
            "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
            "log_level": "ERROR",
        }
    )
    DBOS.launch()

    def prepare(steps: int) -> Run:
        async def run() -> int:
            return int(await asyncio.to_thread(row, steps))

        return run

    try:
        yield prepare
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main(open)
