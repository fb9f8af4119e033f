"""A person in the loop: after a stage that the team pauses at, somebody lets it go on, changes it or does it over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from perdure.agents.team import Stage
from perdure.base.codec import from_json
from perdure.base.errors import InputError, TeamStopped

from .play import Play

T = TypeVar("T")
HINT = (
    'Answer approve, deny or again; {"again": "what to mind"}, {"override": VALUE}, or {"patch": {"MEMBER":'
    ' "instructions"}} to do the stage over with them.'
)


class GoOn(msgspec.Struct, frozen=True):
    pass


class Stop(msgspec.Struct, frozen=True):
    pass


class Override(msgspec.Struct, frozen=True):
    value: Any


class Again(msgspec.Struct, frozen=True):
    """Do it over, with a hint for all, and with instructions added to members by name."""

    hint: str = ""
    patch: dict[str, str] = {}


def read_decision(said: Any) -> GoOn | Stop | Override | Again:
    """What a person's answer means; a command line gives mappings as JSON. Raises InputError."""
    if isinstance(said, str) and said.lstrip().startswith("{"):
        try:
            said = from_json(said)
        except msgspec.DecodeError as error:
            raise InputError(f"not JSON: {error}", hint=HINT) from error
    match said:
        case True | "approve":
            return GoOn()
        case False | "deny":
            return Stop()
        case "again":
            return Again()
        case {"again": str(hint), **rest} if not rest:
            return Again(hint)
        case {"override": value, **rest} if not rest:
            return Override(value)
        case {"patch": dict(patch), **rest} if not rest and patch and all(isinstance(t, str) for t in patch.values()):
            return Again(patch={str(name): text for name, text in patch.items()})
        case _:
            raise InputError(f"not an answer to this: {said!r}", hint=HINT)


async def reviewed(
    play: Play,
    stage: Stage,
    produce: Callable[[], Awaitable[T]],
    show: Callable[[T], Any],
    replace: Callable[[T, Any], T],
) -> T:
    """What the stage gives once a person is content with it. `show` tells it as plain data; `replace` puts what a
    person says in its place, and raises InputError where it cannot stand there. Raises TeamStopped."""
    value = await produce()
    problem = ""
    while stage in play.team.pause:
        about = {"stage": stage, "result": show(value), "how": HINT}
        if problem:
            about["problem"] = problem
        said = await play.ctx.ask(f"{stage}: may the team go on?", options=("approve", "deny", "again"), about=about)
        problem = ""
        try:
            decision = read_decision(said)
            if isinstance(decision, Override):
                value = replace(value, decision.value)
            elif isinstance(decision, Again):
                _take_in(play, decision)
        except InputError as error:
            problem = error.message
            continue
        match decision:
            case Stop():
                raise TeamStopped(f"a person stopped the team after `{stage}`")
            case Again():
                value = await produce()
            case _:
                break
    return value


def _take_in(play: Play, again: Again) -> None:
    known = {name for seat in play.ready.seats for name in (seat.name, seat.member)}
    for name in again.patch:
        if name not in known:
            raise InputError(f"nobody in the team is called {name}; there are {', '.join(sorted(known))}")
    play.patches.update(again.patch)
    if again.hint:
        play.task.hints.append(f"A person says: {again.hint}")
