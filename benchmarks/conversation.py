"""A long conversation: 500 messages to one agent, each answered with a tool call. A turn is to cost the same at the end
as at the beginning once the model's window is full."""

from __future__ import annotations

import json
from argparse import ArgumentParser

import uvloop
from project import AGENT, ANSWER, QUESTION, model_server, project
from work import conversation

import perdure

WINDOW = "context: {tokens: 2000}\n"
"""Full after some thirty turns."""


async def measure(folder: str, turns: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")

        async def ask(name: str) -> None:
            result = await runtime.run(spec, QUESTION, agent=name)
            assert result.output == ANSWER, result

        return await conversation(ask, turns)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=500)
    given = parser.parse_args()
    with model_server() as url, project(url, agent=AGENT + WINDOW) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.turns))))
