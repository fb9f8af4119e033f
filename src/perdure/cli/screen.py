"""A screen that is drawn again and again. Loaded only where there is a terminal to draw on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from perdure.control.overview import Overview

from .rich_table import table_of
from .table import Column
from .times import show_time

Rows: TypeAlias = tuple[Sequence[Column], Sequence[Sequence[str]]]


class Screen:
    """The terminal's other screen, so that what was on it before is there again afterwards."""

    def __init__(self) -> None:
        self._live = Live(console=Console(highlight=False), screen=True, auto_refresh=False)
        self._live.start()

    def show(self, found: Overview, head: Sequence[str], runs: Rows, agents: Rows) -> None:
        first, *more = head
        title = Text(f"{show_time(found.at)}  ", style="dim").append(first, style="bold not dim")
        parts: list[Text | Table] = [title, *(Text(line) for line in more), Text()]
        parts += [part for rows in (agents, runs) if rows[1] for part in (table_of(*rows), Text())]
        self._live.update(Group(*parts, Text("Ctrl-C ends", style="dim")), refresh=True)

    def close(self) -> None:
        self._live.stop()
