"""A value of a file together with its place, so that whatever is wrong with it can be shown there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perdure.agents.config.problems import Path, Problem
from perdure.agents.config.source import Source

from ..expressions.lexer import SyntaxFault


class Spot:
    """`value` stands at `path` of `source`. Spots of a mapping or list are made as they are asked for."""

    __slots__ = ("path", "source", "value")

    def __init__(self, source: Source, path: Path, value: Any) -> None:
        self.source = source
        self.path = path
        self.value = value

    def get(self, key: str) -> Spot | None:
        """The value of a key; None where it is absent or nothing."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return None if value is None else Spot(self.source, (*self.path, key), value)

    def items(self) -> Iterator[tuple[str, Spot]]:
        for key, value in self.value.items():
            yield key, Spot(self.source, (*self.path, key), value)

    def __iter__(self) -> Iterator[Spot]:
        for number, value in enumerate(self.value):
            yield Spot(self.source, (*self.path, number), value)

    def within(self, path: Path, value: Any) -> Spot:
        return Spot(self.source, (*self.path, *path), value)

    def problem(self, what: str, *, key: bool = False) -> Problem:
        return self.source.problem(self.path, what, key=key)

    def fault(self, path: Path, number: int, fault: SyntaxFault) -> Problem:
        """A fault in the expression behind the `${` with this number in the text at `path` below this value."""
        return self.source.problem_within((*self.path, *path), fault.what, "${", number, fault.at, fault.width)

    def line(self) -> int:
        return self.problem("").line
