"""Rows of text: a table on a terminal, aligned columns in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import click

from perdure.base.lazy import load

from .terminal import is_terminal, paint

RICH_TABLE = "perdure.cli.rich_table:print_rich_table"
COLOURS = {
    "done": "green",
    "ok": "green",
    "failed": "red",
    "cancelled": "red",
    "interrupted": "red",
    "in_doubt": "red",
    "open": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "yielded": "yellow",
    "running": "cyan",
    "queued": "cyan",
    "active": "green",
    "created": "cyan",
    "dormant": "cyan",
    "quarantined": "red",
    "terminated": "red",
}
"""By the first word of a cell that tells a state."""


class Column(NamedTuple):
    """`kind`: text, number (aligned to the right), state (coloured), or id (cut short on a terminal)."""

    title: str
    kind: str = "text"


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    if is_terminal(sys.stdout):
        print_rich: Any = load(RICH_TABLE)
        print_rich(columns, rows)
        return
    for line in lines_of(columns, rows):
        click.echo(line)


def lines_of(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Title and rows, each a line of columns two spaces apart."""
    cells = [[column.title for column in columns], *rows]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    return ["  ".join(map(_aligned, row, widths, columns)).rstrip() for row in cells]


def _aligned(cell: str, width: int, column: Column) -> str:
    return cell.rjust(width) if column.kind == "number" else cell.ljust(width)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """What there is to tell of one thing: a name and its value a line, further lines of the value below."""
    for name, value in facts:
        if value:
            first, *more = value.splitlines()
            click.echo(f"{paint(name.ljust(9), dim=True)} {first}")
            for line in more:
                click.echo(f"{'':9} {line}")
