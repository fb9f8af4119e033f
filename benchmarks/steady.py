"""Ten thousand runs, one after another, in one process: does its memory stay what it was?"""

from __future__ import annotations

import gc
import json
from argparse import ArgumentParser

import uvloop
from measure import Meter, rss_mb
from project import ANSWER, QUESTION, model_server, project

import perdure


async def measure(folder: str, runs: int) -> dict[str, float]:
    async with perdure.open(folder) as runtime:
        spec = runtime.spec("calc.yaml")
        meter, early = Meter(), 0.0
        for number in range(1, runs + 1):
            result = await runtime.run(spec, QUESTION)
            assert result.output == ANSWER, result
            if number == runs // 5:
                gc.collect()
                early = rss_mb()
        gc.collect()
        late = rss_mb()
    return {
        "runs": runs,
        "rss_mb_early": early,
        "rss_mb_late": late,
        "growth_mb": late - early,
        "cpu_ms_per_run": meter.cpu_ms / runs,
    }


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        print(json.dumps(uvloop.run(measure(str(folder), given.runs))))
