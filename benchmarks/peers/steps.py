"""The program of a flow (`flow.py`): so many steps one after another, each of which adds one to what the step before
gave, and whose result is kept before the next begins.

    python benchmarks/peers/prefect/flow.py /tmp/somewhere steps=100 flows=10

Figures are the last line of its output, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import perf_counter

from accounting import cpu_ms

Run = Callable[[], Awaitable[int]]
"""Runs the flow from its first step to its last, and gives what the last one gave."""
Prepare = Callable[[int], Run]
"""The flow of so many steps, read or compiled as far as that is done once for all its runs."""
Open = Callable[[Path], AbstractAsyncContextManager[Prepare]]
"""Opens what keeps the results, in an empty folder."""
WARM = 10
"""Steps of a flow before those that are measured."""


def main(open: Open) -> None:
    import uvloop

    _, folder, *given = sys.argv
    arguments = {name: int(value) for name, _, value in (item.partition("=") for item in given)}
    print("\n" + json.dumps(uvloop.run(measure(open, Path(folder), **arguments))), flush=True)


async def measure(open: Open, folder: Path, steps: int, flows: int) -> dict[str, float]:
    """CPU and time of a step, over so many flows one after another. Raises SystemExit where a flow's end is wrong."""
    async with open(folder) as prepare:
        await _run(prepare(WARM), WARM)
        flow = prepare(steps)
        cpu, started = cpu_ms(), perf_counter()
        for _ in range(flows):
            await _run(flow, steps)
        wall, cpu = (perf_counter() - started) * 1000, cpu_ms() - cpu
    return {"cpu_ms_per_step": cpu / steps / flows, "wall_ms_per_step": wall / steps / flows}


async def _run(flow: Run, steps: int) -> None:
    if (found := await flow()) != steps:
        raise SystemExit(f"a wrong end: {found!r} after {steps} steps")
