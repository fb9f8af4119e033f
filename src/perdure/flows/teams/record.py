"""What a team has learnt: an agent of its own, `TEAM.record`, keeps the standing of members and the lessons by class of
task. Runs of the team ask it and tell it, one at a time and each once, as child runs."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from perdure.agents.python import Agent
from perdure.agents.state import AgentState
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError
from perdure.namespace.context import Context

from .rates import Standing

SUFFIX = ".record"
MOST_CLASSES = 256
MOST_MEMBERS = 256
MOST_LESSONS = 50
LONGEST_LESSON = 2_000


class Tell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run tells or asks: `settle` says who won and who lost, `learn` keeps a lesson, `look` only asks."""

    do: Literal["look", "settle", "learn"]
    task_class: str
    won: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    lesson: str = ""
    decay: float = 1.0


class Known(msgspec.Struct):
    """What is known of one class of tasks."""

    members: dict[str, Standing] = {}
    lessons: list[str] = []


class Kept(AgentState):
    classes: dict[str, Known] = {}


class Record(Agent):
    """Answers with what it knows of the class of task: a `Known`."""

    State = Kept
    state: Kept

    async def on_message(self, ctx: Context, message: Envelope) -> dict[str, Any]:
        try:
            told = msgspec.convert(message.payload, Tell)
        except msgspec.ValidationError as error:
            raise InputError(f"not something that a record is told: {error}") from error
        known = self._class(told.task_class)
        for name in (*told.won, *told.lost):
            known.members[name] = known.members.pop(name, Standing()).after(name in told.won, told.decay)
            _drop_oldest(known.members, MOST_MEMBERS)
        lesson = " ".join(told.lesson.split())[:LONGEST_LESSON]
        if told.do == "learn" and lesson:
            known.lessons = [*(one for one in known.lessons if one != lesson), lesson][-MOST_LESSONS:]
        answer: dict[str, Any] = msgspec.to_builtins(known)
        return answer

    def _class(self, name: str) -> Known:
        classes = self.state.classes
        classes[name] = known = classes.pop(name, None) or Known()
        _drop_oldest(classes, MOST_CLASSES)
        return known


def _drop_oldest(table: dict[str, Any], most: int) -> None:
    """Keep to `most` entries; the one that was touched last stands last."""
    while len(table) > most:
        del table[next(iter(table))]
