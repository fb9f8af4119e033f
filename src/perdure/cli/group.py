"""A group of commands that are imported when they are called, so that help costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import click

from perdure.base.lazy import load
from perdure.base.nearest import nearest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

ITEM = "click.shell_completion:CompletionItem"

Sections: TypeAlias = Mapping[str, Mapping[str, tuple[str, str]]]
"""Headings of the help, and below each the commands: name to ("module:attr", help in a line)."""


class LazyGroup(click.Group):
    """`sections` is the table of all commands; what it says is all that help and completion need."""

    def __init__(self, *args: Any, sections: Sections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self.table = {name: entry for entries in sections.values() for name, entry in entries.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        return cast(click.Command, load(self.table[cmd_name][0]))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.table and not name.startswith("-"):
            near = nearest(name, self.table)
            ctx.fail(f"no command {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.table))
        for heading, entries in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), help) for name, (_, help) in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        item = load(ITEM)
        found = [item(name, help=help) for name, (_, help) in self.table.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)
