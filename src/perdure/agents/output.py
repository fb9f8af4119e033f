"""Structured answers: the shape that a spec asks for, and what to tell a model whose answer misses it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import msgspec

from perdure.base.errors import InvalidAnswer
from perdure.base.messages import Message, Text

from .conversation import Conversation


class Checked(msgspec.Struct, frozen=True):
    """An answer read as data, or why it could not be."""

    value: Any = None
    problems: tuple[str, ...] = ()


class Shape:
    """A JSON Schema that answers must meet; a misshapen one is sent back at most `retries` times in a run."""

    def __init__(self, schema: dict[str, Any], retries: int) -> None:
        self.schema = schema
        self._retries = retries

    def check(self, text: str) -> Checked:
        try:
            value = msgspec.json.decode(_unfenced(text))
        except msgspec.DecodeError as error:
            return Checked(problems=(f"not valid JSON: {error}",))
        # Imported here by name: it takes a tenth of a second, and only agents with a shape need it.
        validator = import_module("jsonschema").validators.validator_for(self.schema)(self.schema)
        problems = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        return Checked(value, tuple(f"{error.json_path}: {error.message}" for error in problems[:20]))

    def complain(self, checked: Checked, talk: Conversation) -> Message:
        """What to answer the model. Raises InvalidAnswer where it has been told often enough."""
        said = sum(1 for message in talk.messages[talk.opening :] if message.text.startswith(_COMPLAINT))
        if said >= self._retries:
            raise InvalidAnswer(
                f"the answer does not have the shape asked for: {'; '.join(checked.problems)}",
                hint="Loosen `output`, raise `output_retries`, or use a stronger model.",
                retryable=False,
                problems=list(checked.problems),
            )
        listed = "\n".join(f"- {problem}" for problem in checked.problems)
        return Message("user", (Text(f"{_COMPLAINT}\n{listed}\nAnswer again, with the JSON alone."),))


_COMPLAINT = "Your answer does not meet the JSON Schema asked for:"


def _unfenced(text: str) -> str:
    """The JSON inside a Markdown fence, where a model put one around it."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text.partition("\n")[2].rpartition("```")[0]
    return text
