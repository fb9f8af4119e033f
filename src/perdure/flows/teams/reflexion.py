"""Answers are scored against a rubric; a lesson is drawn from what was not good enough, told to the next try, and kept
for the next task of its class."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from perdure.agents.team import Reflexion

from . import shapes, words
from .play import Play
from .record import Tell
from .task import Answer

LESSON = "Lesson from before: "


async def reflect(play: Play, rules: Reflexion, decide: Callable[[Play], Awaitable[Answer]]) -> Answer:
    """The best answer of all tries; it is as sure as its score is high."""
    known = await play.record(Tell("look", play.task.task_class))
    if rules.lessons:
        play.task.hints += [f"{LESSON}{lesson}" for lesson in known.lessons[-rules.lessons :]]
    best: Answer | None = None
    for attempt in range(1, rules.tries + 1):
        answer = await decide(play)
        score, lesson = await _score(play, rules, answer)
        await play.note("score", {"try": attempt, "score": score, "lesson": lesson})
        if best is None or score > best.confidence:
            best = Answer(answer.value, score, answer.by, answer.why)
        if score >= rules.pass_at:
            break
        if lesson:
            play.task.hints.append(f"{LESSON}{lesson}")
            await play.record(Tell("learn", play.task.task_class, lesson=lesson))
    assert best is not None  # there is one try at least
    return best


async def _score(play: Play, rules: Reflexion, answer: Answer) -> tuple[float, str]:
    """The mean score by all evaluators, and what they would have done differently."""
    prompt = words.evaluate(answer.value, rules.rubric)
    asked = [(seat, prompt) for seat in play.of("evaluator")]
    said = await play.ask_all("evaluate", asked, shapes.scores(rules.rubric))
    scores = [score for one in said for score in one.value["scores"]]
    return math.fsum(scores) / len(scores), " ".join(one.value["lesson"] for one in said).strip()
