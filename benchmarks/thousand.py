"""A thousand runs that begin at the same moment in one process: when all are done, CPU of each, and memory then."""

from __future__ import annotations

import json
from argparse import ArgumentParser

import uvloop
from project import ANSWER, QUESTION, model_server, project
from work import thousand

import perdure


async def measure(folder: str, runs: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")

        async def ask(_: str) -> None:
            result = await runtime.run(spec, QUESTION)
            assert result.output == ANSWER, result

        return await thousand(ask, runs)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.runs))))
