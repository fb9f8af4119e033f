"""What a flow adds to the work of its steps: each step calls a tool that does nothing, and is on disk before the next
begins (one after another), or stands beside a thousand others (`beside`)."""

from __future__ import annotations

import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import uvloop
from measure import Meter, pace_ms

import perdure

TOOLS = '''
from perdure import tool

@tool(effect="read")
async def nothing(n: int) -> int:
    """Do nothing."""
    return n
'''
HEAD = 'name: {name}\ninputs: {{n: integer}}\ntools: ["./tools.py:nothing"]\n'
STEPS = 100
ROW = HEAD.format(name="row") + "tasks:\n" + "  - {tool: nothing, with: {n: 1}}\n" * STEPS
LOOP = (
    HEAD.format(name="loop")
    + 'tasks: [{set: {i: 0}}, {while: "${i < n}", limit: 100000, '
    + 'do: [{id: one, tool: nothing, with: {n: "${i}"}, output: integer}, {set: {i: "${one + 1}"}}]}]\n'
)
BESIDE = (
    HEAD.format(name="beside")
    + 'tasks: [{for_each: "${range(n)}", concurrency: 1000, do: [{tool: nothing, with: {n: "${item}"}}]}]\n'
)


async def measure(folder: Path, runs: int) -> dict[str, float]:
    async with perdure.open(folder) as rt:

        async def cpu(name: str, n: int, times: int) -> tuple[float, float]:
            flow = rt.library.definition(f"{name}.flow.yaml")  # read once, as a server does
            await rt.run(flow, min(n, 100))
            meter = Meter()
            for _ in range(times):
                result = await rt.run(flow, n)
                assert result.status == "done", result
            return meter.cpu_ms, meter.wall_ms

        row, row_wall = await cpu("row", 1, runs)
        loop, _ = await cpu("loop", 100 * runs, 1)
        beside, _ = await cpu("beside", 1_000, max(1, runs // 10))
    return {
        "cpu_ms_per_step": row / (STEPS * runs),
        "wall_ms_per_step": row_wall / (STEPS * runs),
        "cpu_ms_per_turn": loop / (100 * runs),
        "cpu_ms_per_step_beside": beside / (1_000 * max(1, runs // 10)),
        "pace_ms": pace_ms(),
    }


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tools.py").write_text(TOOLS)
        for flow, text in (("row", ROW), ("loop", LOOP), ("beside", BESIDE)):
            (folder / f"{flow}.flow.yaml").write_text(text)
        print(json.dumps(uvloop.run(measure(folder, given.runs))))
