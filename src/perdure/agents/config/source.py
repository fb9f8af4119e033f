"""A file that has been read: its data, and where in its text each value stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec

from .problems import Path, Place, Problem, show_path

_BREAKS = {"yaml": "\r\n|[\n\r\x85\u2028\u2029]", "toml": "\r?\n"}


class Marks(msgspec.Struct, frozen=True):
    """Places of keys and values by their path."""

    keys: dict[Path, Place]
    values: dict[Path, Place]


class Fault(msgspec.Struct, frozen=True):
    """Something that the reader of a format found wrong."""

    place: Place
    what: str
    path: Path = ()


def _no_marks() -> Marks:
    return Marks({}, {})


class Parsed(msgspec.Struct, frozen=True):
    """What a reader made of a text. `broken` says that nothing can be built from `value`."""

    value: Any = None
    marks: Callable[[], Marks] = _no_marks
    faults: tuple[Fault, ...] = ()
    broken: bool = False


class Source:
    """A parsed file. `name` is what people call it; `value` is plain data as it was written, variables unfilled."""

    def __init__(self, name: str, text: str, format: str, parsed: Parsed) -> None:
        self.name = name
        self.value = parsed.value
        self.broken = parsed.broken
        self._text = text
        self._breaks = _BREAKS[format]
        self._parsed = parsed

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the text itself."""
        return [self.problem_at(fault.place, fault.path, fault.what) for fault in self._parsed.faults]

    def problem(self, path: Path, what: str, *, key: bool = False, variable: str = "") -> Problem:
        """The problem at a path; where nothing is written there, its nearest parent is shown."""
        marks = self._marks
        place = marks.keys.get(path) if key else None
        for length in range(len(path), -1, -1):
            place = place or marks.values.get(path[:length])
        return self.problem_at(place or Place(1, 1), path, what, variable)

    def problem_within(self, path: Path, what: str, mark: str, number: int, offset: int, width: int) -> Problem:
        """The problem at a place inside the text at `path`: `offset` characters behind the `number`th `mark` (from 0)
        of that text, however it is quoted or spread over lines."""
        place = self._marks.values.get(path)
        if place is None:
            return self.problem(path, what)
        at = sum(len(line) for line in self._whole_lines[: place.line - 1]) + place.column - 1
        for _ in range(number + 1):
            at = self._text.find(mark, at) + len(mark)
            if at < len(mark):
                return self.problem(path, what)
        before = re.split(self._breaks, self._text[: at + offset])
        return self.problem_at(Place(len(before), len(before[-1]) + 1, width), path, what)

    def problem_at(self, place: Place, path: Path, what: str, variable: str = "") -> Problem:
        line = self._lines[place.line - 1] if place.line <= len(self._lines) else ""
        return Problem(self.name, show_path(path), what, place.line, place.column, place.width, line, variable)

    @cached_property
    def _marks(self) -> Marks:
        return self._parsed.marks()

    @cached_property
    def _lines(self) -> list[str]:
        return re.split(self._breaks, self._text)

    @cached_property
    def _whole_lines(self) -> list[str]:
        """The lines with what ends each of them."""
        return re.findall(f"(?s).*?(?:{self._breaks}|$)", self._text)
