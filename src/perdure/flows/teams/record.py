"""What a team has learnt: an agent of its own, `TEAM.record`, keeps the standing of members and the lessons by class of
task. Runs of the team ask it and tell it, one at a time and each once, as child runs; nobody else can tell it anything.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from perdure.agents.python import Agent
from perdure.agents.state import AgentState
from perdure.base.codec import from_json
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, NotOfTeam
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
        if told.do != "look":
            await _check_teller(ctx, told)
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


async def _check_teller(ctx: Context, told: Tell) -> None:
    """Raise NotOfTeam unless a run of the team whose record this is tells it, and of its own members."""
    team: _Team | None = await ctx.of_parent(_team, _Team)
    if team is None or f"{team.name}{SUFFIX}" != ctx.agent_id:
        raise NotOfTeam(f"who tells {ctx.agent_id} this is no run of its team", told_by=ctx.envelope.sender)
    strangers = [name for name in (*told.won, *told.lost) if not team.seats(name)]
    if strangers:
        raise NotOfTeam(f"not in the team {team.name}: {', '.join(strangers)}")


class _Team(msgspec.Struct, frozen=True):
    """A team and its members; what is none has no name."""

    name: str = ""
    members: tuple[str, ...] = ()

    def seats(self, name: str) -> bool:
        """Whether somebody in the team, or one of its copies, is called that."""
        member, _, number = name.rpartition("_")
        return name in self.members or (member in self.members and number.isdecimal())


def _team(document: bytes) -> _Team:
    spec = from_json(document).get("spec", {})
    members = (spec.get("team") or {}).get("members")
    return _Team(spec["name"], tuple(members)) if members else _Team()


def _drop_oldest(table: dict[str, Any], most: int) -> None:
    """Keep to `most` entries; the one that was touched last stands last."""
    while len(table) > most:
        del table[next(iter(table))]
