"""Answers are scored, and what was learnt is told the next time."""

from __future__ import annotations

from typing import Any

from perdure.base.errors import InputError
from perdure.flows.teams.record import Tell

MEMBERS = {"ann": {}, "eva": {"role": "evaluator"}}
RULES = {"rubric": ["names the unit", "is short"], "pass_at": 0.8, "tries": 2}
LESSON = "Name the unit."
KEEPER = {"name": "record", "class": "perdure.flows.teams.record:Record"}


def say(asked: Any) -> Any:
    if asked.who == "eva":
        good = "5 km" in asked.words
        return {"scores": [1, 1] if good else [0, 1], "lesson": "" if good else LESSON}
    return {"answer": "5 km" if LESSON in asked.words else "5", "confidence": 0.9}


async def test_a_lesson_helps_the_next_try_and_the_next_task(stage: Any) -> None:
    spec = stage.spec(MEMBERS, mode="solo", reflexion=RULES)
    async with stage.open(say) as rt:
        first = await rt.run(spec, "How far?")
        notes = await stage.notes(rt, first.run_id)
    async with stage.open(say) as rt:
        before = len(stage.asked)
        second = await rt.run(spec, "How far?")
    assert (first.output, second.output) == ("5 km", "5 km")
    assert [told["score"] for name, told in notes if name == "score"] == [0.5, 1.0]
    assert [asked.who for asked in stage.asked[before:]] == ["ann", "eva"]  # at the first try


async def test_the_best_try_is_the_answer_where_none_passes(stage: Any) -> None:
    scores = iter([[1, 0], [0, 0]])
    answers = iter(["better", "worse"])

    def worse(asked: Any) -> Any:
        if asked.who == "eva":
            return {"scores": next(scores), "lesson": "hm"}
        return {"answer": next(answers), "confidence": 1}

    async with stage.open(worse) as rt:
        result = await rt.run(stage.spec(MEMBERS, mode="solo", reflexion=RULES), "Try")
        notes = dict(await stage.notes(rt, result.run_id))
    assert (result.output, notes["answer"]["confidence"]) == ("better", 0.5)


async def test_lessons_are_of_one_class_of_tasks_and_not_without_end(stage: Any) -> None:
    spec = stage.spec(MEMBERS, mode="solo", reflexion={**RULES, "tries": 1})
    numbers = iter(range(60))

    def teach(asked: Any) -> Any:
        return {"scores": [0, 1], "lesson": f"lesson {next(numbers)}"} if asked.who == "eva" else say(asked)

    async with stage.open(say) as rt:
        await rt.run(spec, {"task": "How far?", "class": "walks"})
        await rt.run(spec, {"task": "How heavy?", "class": "loads"})
        assert LESSON not in stage.turns("ann")[-1].words
    async with stage.open(teach) as rt:
        for _ in range(60):
            await rt.run(spec, {"task": "How far?", "class": "walks"})
        known = await rt.run(KEEPER, {"do": "look", "task_class": "walks"}, agent="crew.record")
    assert known.output["lessons"] == [f"lesson {number}" for number in range(10, 60)]


async def test_the_record_refuses_what_it_does_not_understand(stage: Any) -> None:
    async with stage.open(say) as rt:
        for wrong in ("hello", {"do": "forget", "task_class": "x"}, {"do": "look"}):
            result = await rt.run(KEEPER, wrong, agent="crew.record")
            assert (result.status, result.error["code"]) == ("failed", InputError.code)
    assert Tell("look", "x").won == ()
