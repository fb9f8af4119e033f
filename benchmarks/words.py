"""A stream of words at a steady pace, heard in the process that runs the agent: what Perdure adds to the time that each
takes from the model server."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import AsyncIterator

import uvloop
from project import model_server, project
from work import words

import perdure


async def measure(folder: str, url: str, number: int, every_ms: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")

        async def stream(question: str) -> AsyncIterator[str]:
            async for event in runtime.stream(spec, question):
                if event.type == "text":
                    yield event.text

        return await words(stream, url, number, every_ms)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=400)
    parser.add_argument("--every-ms", type=int, default=5)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), url, given.words, given.every_ms))))
