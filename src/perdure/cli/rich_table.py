"""A table for people. Loaded only where there is a terminal to show it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .table import COLOURS, Column

ID_ROOM = 20
"""Characters of an id that are shown: the millisecond it was made in, and twelve random bits."""


def print_rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print the table. The beginning of an id is enough to name it by."""
    Console(highlight=False).print(table_of(columns, rows))


def table_of(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold")
    for column in columns:
        right = column.kind == "number"
        table.add_column(
            column.title, justify="right" if right else "left", overflow="fold", no_wrap=column.kind != "text"
        )
    for row in rows:
        table.add_row(*(_cell(cell, column) for cell, column in zip(row, columns, strict=True)))
    return table


def _cell(cell: str, column: Column) -> Text:
    if column.kind == "id":
        return Text(cell[:ID_ROOM])
    first = cell.partition(" ")[0]
    return Text(cell, style=COLOURS.get(first, "") if column.kind == "state" else "")
