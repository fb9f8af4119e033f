"""A long conversation: 500 messages to one agent, each answered with a tool call. A turn is to cost the same at the end
as at the beginning once the model's window is full."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from statistics import median

import uvloop
from measure import Meter
from project import AGENT, ANSWER, QUESTION, model_server, project

import perdure

WINDOW = "context: {tokens: 2000}\n"
"""Full after some thirty turns."""


async def measure(folder: str, turns: int) -> dict[str, float]:
    took: list[float] = []
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")
        for _ in range(turns):
            meter = Meter()
            result = await runtime.run(spec, QUESTION, agent="one")
            assert result.output == ANSWER, result
            took.append(meter.cpu_ms)
    part = turns // 5
    first, last = median(took[part : 2 * part]), median(took[-part:])
    return {"turns": turns, "turn_cpu_ms_early": first, "turn_cpu_ms_late": last, "growth": last / first}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=500)
    given = parser.parse_args()
    with model_server() as url, project(url, agent=AGENT + WINDOW) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.turns))))
