"""Values as expressions see them: their names for people, as text, as numbers."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

import msgspec

from perdure.base.codec import from_json, to_json

from .lexer import BIGGEST
from .meter import Fault, Meter

_KINDS = {
    "NoneType": "null",
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "a mapping",
}
_NUMBER = re.compile(r"[-+]?(\d+|\d*\.\d+|\d+\.)([eE][-+]?\d+)?")
_LONGEST_NUMBER = 40


def kind_of(value: Any) -> str:
    return _KINDS.get(type(value).__name__, type(value).__name__)


def show(value: Any) -> str:
    """A value for a message: its kind, and of a mapping its first fields."""
    if not isinstance(value, dict):
        return kind_of(value)
    names = [str(name) for name in list(value)[:8]]
    more = ", …" if len(value) > len(names) else ""
    return f"a mapping of {', '.join(names)}{more}" if names else "an empty mapping"


NUMBERS = (int, float)


def is_number(value: Any) -> bool:
    return type(value) in NUMBERS


def as_text(value: Any, meter: Meter) -> str:
    """The value as it stands in a text: nothing for null, JSON for lists and mappings."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    meter.weigh(value)
    return write_json(value)


def number(value: Any) -> int | float:
    """The number that a value is, or that its text says. Raises Fault where it is none, or none that JSON can hold."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
            raise Fault(f"`{text:.40}` is not a number")
        value = int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
    if not is_number(value):
        raise Fault(f"{kind_of(value)} is not a number")
    if not (isfinite(value) and abs(value) <= BIGGEST):
        raise Fault("the number is too large")
    return value  # type: ignore[no-any-return]


def read_json(text: str) -> Any:
    try:
        return from_json(text)
    except msgspec.DecodeError as error:
        raise Fault(f"not JSON: {error}") from error


def write_json(value: Any) -> str:
    try:
        return to_json(value).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault(f"cannot be written as JSON: {error}") from error
