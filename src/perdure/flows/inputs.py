"""The inputs of a flow: from what a person or a program hands in to values by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from perdure.agents.config.overrides import parse_override
from perdure.base.errors import InputError

from .plan import Input, Plan
from .types import mismatch


def read_inputs(plan: Plan, given: Any, settings: Sequence[str] = ()) -> dict[str, Any]:
    """The inputs of a run. `given` is a mapping by name (or a text that holds one as JSON), the value of the first
    input, or None; `settings` are more of them, as `name=value`. Raises InputError with everything that is wrong."""
    known = {input.name: input for input in plan.inputs}
    inputs = _given(plan, given)
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"not an input: {text!r}", hint="Write name=value.")
        input = known.get(name.strip())
        inputs[name.strip()] = _valued(input, value) if input is not None else value
    return check_inputs(plan, inputs)


def check_inputs(plan: Plan, given: dict[str, Any]) -> dict[str, Any]:
    """The same inputs, if they are what the plan takes. Raises InputError with everything that is wrong."""
    known = {input.name: input for input in plan.inputs}
    wrong = [f"there is no input `{name}`" for name in given if name not in known]
    for name, input in known.items():
        if name not in given:
            if input.required:
                wrong.append(f"`{name}` is missing")
        elif (said := mismatch(input.type, given[name], name)) is not None:
            wrong.append(said)
    if wrong:
        takes = ", ".join(f"{input.name} ({input.type})" for input in plan.inputs) or "nothing"
        raise InputError(f"{plan.name}: {'; '.join(wrong)}", hint=f"It takes {takes}.", flow=plan.name)
    return given


def inputs_of_event(plan: Plan, happened: Any) -> Any:
    """What a flow takes of something that happened: all of it where its first input is a mapping of another name than
    any in it, else what has the names of its inputs."""
    if not plan.inputs:
        return None
    if not isinstance(happened, dict) or _is_the_first(plan.inputs[0], happened, plan):
        return happened
    names = {input.name for input in plan.inputs}
    return {name: value for name, value in happened.items() if name in names}


def _given(plan: Plan, given: Any) -> dict[str, Any]:
    if given is None or (isinstance(given, str) and not given.strip()):
        return {}
    if isinstance(given, str):
        found = _json(given)
        given = found if isinstance(found, dict) else given
    if isinstance(given, dict) and (not plan.inputs or not _is_the_first(plan.inputs[0], given, plan)):
        return dict(given)
    if not plan.inputs:
        raise InputError(f"{plan.name} takes no input", hint="Leave it out.", flow=plan.name)
    first = plan.inputs[0]
    return {first.name: _valued(first, given) if isinstance(given, str) else given}


def _is_the_first(first: Input, given: dict[str, Any], plan: Plan) -> bool:
    """Whether a mapping is the value of the first input, and none of all inputs by name."""
    names = {input.name for input in plan.inputs}
    return bool(given) and first.type.kind == "mapping" and not given.keys() & names


def _valued(input: Input, text: str) -> Any:
    """A text as the value of an input: itself, where that is a text, else what it says in YAML or JSON."""
    if input.type.kind == "text":
        return text
    if input.type.kind in ("list", "mapping", "any"):
        found = _json(text)
        return text if found is None and text.strip() != "null" else found
    return parse_override(f"value={text}").value


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
