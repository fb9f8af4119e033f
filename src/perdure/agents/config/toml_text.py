"""TOML as data with places: `tomllib` reads it, and a scan of our own finds where things stand."""

from __future__ import annotations

import re
import tomllib
from functools import partial
from typing import Any

from perdure.base.lazy import load

from .problems import Path, Place
from .scalars import odd_number
from .source import Fault, Marks, Parsed

MARK_TOML = "perdure.agents.config.toml_marks:mark_toml"
DEEPEST = 64
_AT = r" \(at (?:line (\d+), column (\d+)|end of document)\)$"
_REASONS = {
    "Cannot overwrite a value": "this key was given before",
    "Expected '=' after a key in a key/value pair": "expected `=` after this key",
    "Invalid value": "this is not a value; put text in quotes",
    "Unterminated string": "a quote is never closed",
    "Expected newline or end of document after a statement": "expected the end of the line here",
}


def read_toml(text: str) -> Parsed:
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Parsed(faults=(_syntax(str(error), text),), broken=True)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else "a number is too large"
        return Parsed(faults=(Fault(Place(1, 1), what),), broken=True)
    odd = list(_not_plain(value, ()))
    if odd:
        marks = _marks(text)
        faults = tuple(Fault(marks.values.get(path, Place(1, 1)), what, path) for path, what in odd)
        return Parsed(value, lambda: marks, faults, broken=True)
    return Parsed(value, partial(_marks, text))


def _marks(text: str) -> Marks:
    found: Marks = load(MARK_TOML)(text)
    return found


def _not_plain(value: Any, path: Path) -> list[tuple[Path, str]]:
    """What TOML can say and plain data cannot: dates, and numbers without an end."""
    if len(path) > DEEPEST:
        return [(path[:-1], f"nested deeper than {DEEPEST} levels")]
    match value:
        case dict():
            return [odd for key, item in value.items() for odd in _not_plain(item, (*path, key))]
        case list():
            return [odd for index, item in enumerate(value) for odd in _not_plain(item, (*path, index))]
        case int() | float():
            odd = odd_number(value)
            return [(path, odd)] if odd else []
        case str():
            return []
        case _:
            return [(path, "a date or time has no meaning here; put it in quotes")]


def _syntax(message: str, text: str) -> Fault:
    found = re.search(_AT, message)
    reason = message[: found.start()] if found else message
    if found and found[1]:
        place = Place(int(found[1]), int(found[2]))
    else:
        lines = text.split("\n")
        place = Place(len(lines), len(lines[-1]) + 1)
    return Fault(place, _REASONS.get(reason) or f"not TOML: {reason[:1].lower()}{reason[1:]}")
