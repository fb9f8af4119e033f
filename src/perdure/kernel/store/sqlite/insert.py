"""Many rows by one statement: what SQLite does for a row takes less time than it takes to begin a statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

AT_ONCE = 64
"""Rows of one statement. Each power of two up to here is a statement of its own, kept prepared."""


class Insert:
    """An INSERT into `table` of rows with these `columns`, such as `"n, id"`; `conflict` is what its end says of rows
    that are there already."""

    __slots__ = ("_head", "_known", "_row", "_tail", "_width")

    def __init__(self, table: str, columns: str, *, verb: str = "INSERT", conflict: str = "") -> None:
        self._width = columns.count(",") + 1
        self._head = f"{verb} INTO {table} ({columns}) VALUES "
        self._row = f"({','.join('?' * self._width)})"
        self._tail = f" {conflict}" if conflict else ""
        self._known: dict[int, str] = {}

    def statements(self, values: Sequence[Any]) -> Iterable[tuple[str, Sequence[Any]]]:
        """SQL and its bindings, for rows given as their values one after the other."""
        if len(values) == self._width:
            return ((self._known.get(1) or self._sql(1), values),)
        return self._many(values)

    def _many(self, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        start, left = 0, len(values) // self._width
        while left:
            rows = min(1 << left.bit_length() - 1, AT_ONCE)
            end = start + rows * self._width
            yield self._known.get(rows) or self._sql(rows), values[start:end]
            start, left = end, left - rows

    def _sql(self, rows: int) -> str:
        sql = self._known[rows] = self._head + ",".join([self._row] * rows) + self._tail
        return sql
