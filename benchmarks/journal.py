"""How large the journal grows: bytes of the database for each byte of payload, over a short and a long run.

A step is a model's call of a tool and the tool's result. Payload is the conversation as the model server sees it, in
JSON: about 500 bytes a step. The file is measured after a checkpoint of its write-ahead log, everything in it included:
records with their hashes, indexes, rows of agents and runs.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from random import Random

import uvloop
from measure import Meter
from project import ANSWER, QUESTION, model_server, project

import perdure

RESULT = 300
CALL = (
    '{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",'
    '"function":{"name":"work","arguments":"{\\"task\\":\\"25 * 47\\"}"}}]}'
)
ANSWERED = '{"role":"tool","tool_call_id":"call_1","content":""}'
LETTERS = "abcdefghijklmnopqrstuvwxyz "


chance = Random(7)
left = 0


@perdure.tool(effect="read")
async def work(task: str) -> str:
    """Do a piece of work."""
    global left
    left -= 1
    return ("more " if left else "done ") + "".join(chance.choices(LETTERS, k=RESULT - 5))


def worker(steps: int) -> dict[str, object]:
    """An agent whose tool asks to be called again until it was called `steps` times."""
    global left
    left = steps
    return {
        "name": f"worker-{steps}",
        "model": "compatible/bench",
        "tools": [work],
        "limits": {"steps": steps + 1},
        "context": {"tokens": 4000},
    }


async def measure(folder: Path, steps: int) -> dict[str, float]:
    database = folder / ".perdure" / "perdure.db"
    async with perdure.open(folder):
        pass
    empty = database.stat().st_size
    meter = Meter()
    async with perdure.open(folder) as runtime:
        result = await runtime.run(worker(steps), QUESTION)
        assert result.output == ANSWER and result.steps == steps + 1, result
    stored = database.stat().st_size - empty
    payload = len(QUESTION) + len(ANSWER) + steps * (len(CALL) + len(ANSWERED) + RESULT)
    return {f"ratio_{steps}": stored / payload, f"ms_per_step_{steps}": meter.wall_ms / steps}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[500, 5_000])
    given = parser.parse_args()
    found: dict[str, float] = {}
    with model_server() as url:
        for steps in given.steps:
            with project(url) as folder:
                found |= uvloop.run(measure(folder, steps))
    print(json.dumps(found))
