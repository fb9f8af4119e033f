"""What members are told: each prompt holds all that its answer needs, so that no member has to remember anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .task import Task, shown


def told(task: Task, *parts: str) -> str:
    """The task with what was learnt about it, then what is to be done."""
    hints = _listed("Keep in mind", task.hints)
    return "\n\n".join(part for part in (f"Task:\n{task.text}", hints, *parts) if part)


def propose() -> str:
    return "Answer the task. Say how confident you are, from 0 to 1."


def revise(own: Any, weaknesses: Sequence[Mapping[str, str]], others: Sequence[Any] = ()) -> str:
    return _joined(
        f"Your draft:\n{shown(own)}",
        _listed("Drafts of others", map(shown, others)),
        _weaknesses(weaknesses),
        "Answer the task again, better. Say how confident you are, from 0 to 1.",
    )


def criticize(drafts: Sequence[Any]) -> str:
    return _joined(
        _listed("Drafts", map(shown, drafts)),
        "Name what is wrong, unsafe or missing, each with how to mend it. Name nothing where nothing is.",
    )


def merge(drafts: Sequence[Any], weaknesses: Sequence[Mapping[str, str]]) -> str:
    return _joined(
        _listed("Drafts", map(shown, drafts)),
        _weaknesses(weaknesses),
        "Make one answer of them that keeps what is right and mends what is wrong. Say how confident you are.",
    )


def adjudicate(answer: Any) -> str:
    return _joined(
        f"The team's answer:\n{shown(answer)}",
        "Check it, correct what is wrong, and give the final answer, how confident you are that it is right, and why.",
    )


def vote(candidates: Mapping[str, Any]) -> str:
    return _joined(
        _candidates(candidates),
        "Choose the best answer by its number, or abstain where you cannot tell. Say why, and how sure you are.",
    )


def rule(candidates: Mapping[str, Any], ballots: Iterable[str]) -> str:
    return _joined(
        _candidates(candidates),
        _listed("What voters said", ballots),
        "Decide which answer is the best, by its number, and say why.",
    )


def improve(best: Sequence[Any]) -> str:
    return _joined(
        _listed("The best answers so far", map(shown, best)),
        "Give a better answer than each of them. Say how confident you are, from 0 to 1.",
    )


def lead(workers: Mapping[str, str], results: Sequence[str]) -> str:
    people = [f"{name}: {what}" if what else name for name, what in workers.items()]
    return _joined(
        _listed("You lead", people),
        _listed("What they found", results),
        "Give `tasks` that together solve it, each to one of them and complete in itself; or, where nothing is left to"
        " be done, no tasks and the `answer` with your confidence.",
    )


def conclude(results: Sequence[str]) -> str:
    return _joined(
        _listed("What was found", results),
        "Answer the task from this. Say how confident you are, from 0 to 1.",
    )


def speak(name: str, transcript: Sequence[str]) -> str:
    return _joined(
        _listed("The conversation so far", transcript),
        f"You are {name}. Say what you have to add; `done` where nothing is left to be said.",
    )


def choose_speaker(names: Sequence[str], transcript: Sequence[str]) -> str:
    return _joined(
        _listed("The conversation so far", transcript),
        f"Who is to speak next: {', '.join(names)}? Say `nobody` where the task is solved.",
    )


def take_on(name: str, others: Mapping[str, str], transcript: Sequence[str]) -> str:
    people = [f"{other}: {what}" if what else other for other, what in others.items()]
    return _joined(
        _listed("The conversation so far", transcript),
        _listed("You can hand over to", people),
        f"You are {name}. Answer; or, where another is better placed, name it in `hand_to` and say why.",
    )


def contribute(name: str, board: Mapping[str, str]) -> str:
    return _joined(
        _listed("On the blackboard", (f"{key}: {text}" for key, text in board.items())),
        f"You are {name}. Post what you can add or correct, under short keys; nothing where you have nothing."
        " Where the board solves the task, give the `answer` too.",
    )


def inspect(result: str) -> str:
    return _joined(
        f"The result:\n{result}",
        "Is it good? Say so with `ok`, or what is to be mended in `feedback`; `take_over` to do it yourself.",
    )


def evaluate(answer: Any, rubric: Sequence[str]) -> str:
    return _joined(
        f"The answer:\n{shown(answer)}",
        _listed("The rubric", rubric),
        "Score the answer from 0 to 1 by each point of the rubric, in order. In one sentence, say what would have to be"
        " done differently next time.",
    )


def _candidates(candidates: Mapping[str, Any]) -> str:
    return "Answers:\n" + "\n".join(f"[{label}] {shown(answer)}" for label, answer in candidates.items())


def _weaknesses(weaknesses: Sequence[Mapping[str, str]]) -> str:
    return _listed("Weaknesses", (f"{one['weakness']} Fix: {one['fix']}" for one in weaknesses))


def _listed(title: str, items: Iterable[str]) -> str:
    lines = [f"- {item}" for item in items]
    return "\n".join([f"{title}:", *lines]) if lines else ""


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
