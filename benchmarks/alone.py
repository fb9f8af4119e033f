"""One durable run at a time: how long it takes, and how much of that is not spent waiting for the model.

What is the model's is the time between sending a request and having the whole answer; the rest is Perdure's, most of it
five commits with an fsync each.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from time import perf_counter

import uvloop
from measure import Meter, quantile
from project import ANSWER, QUESTION, model_server, project

import perdure
from perdure.compute.transport.choosing import ChoosingTransport
from perdure.compute.transport.port import Answer, Post


class TimedTransport(ChoosingTransport):
    """Adds up how long it waited for the model, in milliseconds."""

    waited = 0.0

    async def post(self, post: Post) -> Answer:
        started = perf_counter()
        answer = await super().post(post)
        self.waited += (perf_counter() - started) * 1000
        return answer


async def measure(folder: str, runs: int) -> dict[str, float]:
    transport = TimedTransport({})
    whole: list[float] = []
    ours: list[float] = []
    async with perdure.open(folder, transport=transport) as runtime:
        spec = runtime.spec("calc.yaml")
        for number in range(runs + 50):
            transport.waited = 0.0
            meter = Meter()
            result = await runtime.run(spec, QUESTION)
            took = meter.wall_ms
            assert result.output == ANSWER, result
            if number >= 50:
                whole.append(took)
                ours.append(took - transport.waited)
    return {
        "runs": runs,
        "whole_p50_ms": quantile(whole, 0.5),
        "whole_p99_ms": quantile(whole, 0.99),
        "ours_p50_ms": quantile(ours, 0.5),
        "ours_p99_ms": quantile(ours, 0.99),
    }


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.runs))))
