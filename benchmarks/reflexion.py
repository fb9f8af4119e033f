"""Whether a team learns: the mean score of its first answers, over tasks of several classes, with lessons and without.

The members are scripted: the one that answers keeps to the lessons that it is told, and to nothing else; the evaluator
looks at what is in the answer, and draws its lesson from the first thing that is not. What is measured is therefore
what Perdure does with lessons: that each is kept, is told the next time, and to no other class of tasks.
"""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from tempfile import TemporaryDirectory
from typing import Any

import perdure
from perdure.base.messages import ModelRequest
from perdure.testing import Scripted

MODEL = "scripted/any"
POINTS = {"unit": "Name the unit", "source": "Say where it is from", "date": "Say when it was measured"}
CLASSES = ("distances", "weights")


def say(request: ModelRequest) -> str:
    assert request.output_schema is not None
    told = request.messages[-1].text
    if "scores" not in request.output_schema["properties"]:
        kept = [word for word, lesson in POINTS.items() if lesson in told]
        return json.dumps({"answer": f"42 with {' '.join(kept) or 'nothing'}", "confidence": 0.9})
    answer = told.partition("The answer:\n")[2].partition("\n")[0]
    missing = [lesson for word, lesson in POINTS.items() if word not in answer]
    scores = [float(word in answer) for word in POINTS]
    return json.dumps({"scores": scores, "lesson": missing[0] if missing else ""})


def team(lessons: int) -> dict[str, Any]:
    return {
        "name": f"learners{lessons}",
        "model": MODEL,
        "team": {
            "mode": "solo",
            "auto": False,
            "members": {"ann": {}, "eva": {"role": "evaluator"}},
            "reflexion": {"rubric": list(POINTS.values()), "tries": 1, "lessons": lessons, "pass_at": 1},
        },
    }


async def measure(tasks: int) -> dict[str, list[float]]:
    """Scores of each round of tasks, one of each class, by whether lessons are told."""
    found: dict[str, list[float]] = {}
    with TemporaryDirectory() as folder:
        async with perdure.open(folder, models={MODEL: Scripted(say, name=MODEL)}) as runtime:
            for name, lessons in (("without", 0), ("with lessons", 5)):
                found[name] = []
                for number in range(tasks):
                    scores = []
                    for of in CLASSES:
                        result = await runtime.run(team(lessons), {"task": f"Task {number}", "class": of})
                        detail = await runtime.show(result.run_id)
                        assert detail.decision is not None, result
                        scores.append(detail.decision["confidence"])
                    found[name].append(round(sum(scores) / len(scores), 3))
    return found


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=6, help="tasks of each class")
    print(json.dumps(asyncio.run(measure(parser.parse_args().tasks))))
