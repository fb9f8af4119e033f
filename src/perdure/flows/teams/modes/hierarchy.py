"""A manager gives tasks to the others, reads what they found, and gives more or answers; `depth` rounds at most."""

from __future__ import annotations

from typing import Any

from .. import shapes, words
from ..play import Play
from ..task import Answer, shown

MOST_TASKS = 32
"""Tasks of one round."""


async def hierarchy(play: Play) -> Answer:
    manager = play.of("manager")[0]
    workers = {seat.name: seat for seat in play.ready.seats if seat.role not in ("manager", "evaluator")}
    described = {name: str(seat.tree.get("description", "")) for name, seat in workers.items()}
    results: list[str] = []
    by = {manager.name: None}
    for _ in range(max(1, play.team.depth)):
        shape = shapes.orders(list(workers), play.ready.answer)
        said = await play.ask("delegate", manager, words.lead(described, results), shape)
        tasks: list[dict[str, Any]] = said.get("tasks", [])[:MOST_TASKS]
        if not tasks and "answer" in said:
            return Answer(said["answer"], said.get("confidence", 1.0), tuple(by), "the manager's answer")
        if not tasks:
            break
        asked = [(workers[task["to"]], f"Your part: {task['task']}") for task in tasks]
        found = await play.ask_all("work", asked, shapes.proposal(shapes.TEXT), least=0)
        results += [f"{one.seat.name}: {shown(one.value['answer'])}" for one in found]
        missing = len(asked) - len(found)
        if missing:
            results.append(f"{missing} of {len(asked)} tasks of this round were not done")
        by |= {one.seat.name: None for one in found}
    said = await play.ask("conclude", manager, words.conclude(results), shapes.proposal(play.ready.answer))
    return Answer(said["answer"], said["confidence"], tuple(by), "the manager's conclusion")
