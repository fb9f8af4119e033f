"""A plan written into instructions: numbered lines that the planner follows to the letter.

    1. call files_list {"path": "inbox"}
    2. call files_read {"path": "${1.files.0}"}
    3. call files_write {"path": "copy.txt", "text": "It said: ${last}"}
    4. say Copied ${1.files.0}; you asked: ${input}

`${1}` is the text that step 1 gave back, `${last}` that of the step before, `${input}` what the person said. Where a
result is JSON, `${1.name.0}` reaches into it; standing alone in its string it keeps its type. `{{1}}` means the same as
`${1}`, for files in which `${…}` stands for environment variables. A `say` line ends the plan; without one the planner
reports what each step gave. A step that fails ends the plan too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from perdure.base.codec import from_json, to_json

from .turn import Turn

_LINE = re.compile(r"^[ \t]*\d+[.)][ \t]+(call|say)[ \t]+(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_CALL = re.compile(r"([\w.:/-]+)\s*(\{.*\})?")
_PLACE = re.compile(r"\$\{\s*(input|last|\d+)((?:\.[\w-]+)*)\s*\}|\{\{\s*(input|last|\d+)((?:\.[\w-]+)*)\s*\}\}")


class Step(msgspec.Struct, frozen=True):
    """Call `tool` with `arguments`, or `say` something where there is no tool. `wrong` says why it cannot be done."""

    tool: str = ""
    arguments: dict[str, Any] = {}
    say: str = ""
    wrong: str = ""


class _Missing(Exception):
    """A placeholder that points at nothing."""


def read_plan(text: str) -> tuple[Step, ...]:
    """The steps of a plan in `text`, in the order of its lines; none where it holds no plan."""
    return tuple(_step(verb.lower(), rest) for verb, rest in _LINE.findall(text))


def fill_step(step: Step, turn: Turn) -> Step:
    """The step with its placeholders replaced by what has come back so far."""
    try:
        return msgspec.structs.replace(
            step,
            arguments=_fill(step.arguments, turn),
            say=_PLACE.sub(lambda place: _shown(_value(place, turn)), step.say),
        )
    except _Missing as error:
        return Step(wrong=f"there is nothing at {error}")


def _step(verb: str, rest: str) -> Step:
    if verb == "say":
        return Step(say=rest)
    match = _CALL.fullmatch(rest)
    if match is None:
        return Step(wrong=f"{rest!r} is not a tool's name followed by a JSON object")
    try:
        return Step(tool=match[1], arguments=from_json(match[2] or "{}"))
    except msgspec.DecodeError as error:
        return Step(wrong=f"{match[2]!r} is not JSON ({error})")


def _fill(value: Any, turn: Turn) -> Any:
    if isinstance(value, dict):
        return {key: _fill(inner, turn) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, turn) for inner in value]
    if not isinstance(value, str):
        return value
    alone = _PLACE.fullmatch(value)
    return _value(alone, turn) if alone else _PLACE.sub(lambda place: _shown(_value(place, turn)), value)


def _value(place: re.Match[str], turn: Turn) -> Any:
    source, path = (place[1], place[2]) if place[1] else (place[3], place[4])
    text = _source(source, place[0], turn)
    return _reach(text, path[1:].split("."), place[0]) if path else text


def _source(source: str, written: str, turn: Turn) -> str:
    if source == "input":
        return turn.said
    number = len(turn.outcomes) if source == "last" else int(source)
    if not 1 <= number <= len(turn.outcomes):
        raise _Missing(written)
    return turn.outcomes[number - 1].text


def _reach(text: str, steps: Sequence[str], written: str) -> Any:
    try:
        value = from_json(text)
        for step in steps:
            value = value[int(step)] if isinstance(value, list) else value[step]
    except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
        raise _Missing(written) from error
    return value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
