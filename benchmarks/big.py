"""Runs one at a time whose tool returns a megabyte: CPU of each, and what is stored for each byte."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import uvloop
from peers.program import stored
from project import ANSWER, QUESTION, TOOLS, model_server, project
from work import WARM, alone

import perdure


async def measure(folder: Path, runs: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")

        async def ask(_: str) -> None:
            result = await runtime.run(spec, QUESTION)
            assert result.output == ANSWER, result

        return await alone(ask, runs)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--bytes", type=int, default=1_000_000)
    given = parser.parse_args()
    product = "str(int(left) * int(right))"
    tools = TOOLS.replace(product, f'{product} + " " + digits({given.bytes})')
    tools = f"from project import digits\n{tools}"
    with model_server() as url, project(url, tools=tools) as folder:
        found = uvloop.run(measure(folder, given.runs))
        print(json.dumps(found | {"stored_per_byte": stored(folder) / (given.runs + WARM) / given.bytes}))
