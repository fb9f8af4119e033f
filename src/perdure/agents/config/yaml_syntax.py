"""What PyYAML says of a text that is no YAML, in words that tell what to change, and at the place to change it."""

from __future__ import annotations

import re

import yaml

from .problems import Place
from .source import Fault

_REASONS = (
    (
        "mapping values are not allowed",
        "`: ` cannot stand here; quote text that holds it, or check the indentation",
    ),
    ("could not find expected ':'", "expected `: ` after this key; text of several lines begins with `|`"),
    ("did not find expected key", "expected a key at this indentation"),
    ("did not find expected '-' indicator", "expected `- ` at this indentation"),
    ("expected ',' or '([]}])'", "expected `,` or `{0}`"),
    ("unknown escape character", "not an escape sequence; use single quotes for text with backslashes"),
)


def explain_syntax(error: yaml.MarkedYAMLError, text: str) -> Fault:
    """libyaml's complaint in our words where it is a common one, at the place that a person has to change."""
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
    reason, context = error.problem or "cannot be read", error.context or ""
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    here = line[place.column - 1 : place.column]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent and "token" in f"{reason} {context}":
        return Fault(Place(place.line, indent.index("\t") + 1), "a tab cannot indent YAML; use spaces")
    if "cannot start any token" in reason:
        return Fault(
            place, f"{'a backtick' if here == '`' else f'`{here}`'} cannot begin a value; put the text in quotes"
        )
    if "end of stream" in reason and "quoted scalar" in context and error.context_mark is not None:
        return Fault(Place(error.context_mark.line + 1, error.context_mark.column + 1), "this quote is never closed")
    if "${" in line[max(0, place.column - 3) : place.column]:
        return Fault(place, "inside braces and brackets, `${…}` has to be in quotes")
    for pattern, shown in _REASONS:
        found = re.search(pattern, reason)
        if found is None:
            continue
        if not found.groups() or error.context_mark is None:
            return Fault(place, shown)
        start = Place(error.context_mark.line + 1, error.context_mark.column + 1)
        if not "".join([line[place.column - 1 :], *lines[place.line :]]).strip():
            return Fault(start, "this bracket is never closed")
        return Fault(place, f"{shown.format(*found.groups())} to close what line {start.line}:{start.column} opens")
    return Fault(place, f"not YAML: {reason}" + (f" ({context})" if context else ""))
