"""A table for people. Loaded only where there is a terminal to show it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .table import COLOURS, Column


def print_rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print the table as wide as it has to be: an id that was cut off could not be copied."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.kind == "number"
        table.add_column(
            column.title, justify="right" if right else "left", overflow="fold", no_wrap=column.kind != "text"
        )
    for row in rows:
        table.add_row(*(_cell(cell, column) for cell, column in zip(row, columns, strict=True)))
    Console(highlight=False).print(table)


def _cell(cell: str, column: Column) -> Text:
    first = cell.partition(" ")[0]
    return Text(cell, style=COLOURS.get(first, "") if column.kind == "state" else "")
