"""`perdure ls`: what is in a directory of the namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perdure.base.errors import NotADirectory
from perdure.namespace.namespace import Namespace
from perdure.namespace.path import parse
from perdure.namespace.port import Entry

from . import options
from .json import print_json
from .process import complete
from .project import opened
from .table import Column, print_table
from .times import show_time

COLUMNS = (Column("KIND"), Column("SIZE", "number"), Column("MODIFIED"), Column("NAME"))


@click.command("ls")
@click.argument("path", metavar="[PATH]", default="/", callback=options.absolute)
@click.option("-l", "long", is_flag=True, help="Show sizes and times as well; `-` where only reading tells.")
@options.json("Print a list of objects: name, is_dir, size, modified_at.")
@options.project
def command(path: str, long: bool, as_json: bool, project: Path | None) -> None:
    """List a directory of the namespace.

    Every agent has its directory at /agents/AGENT: status, inbox, logs, runs, wallet, memory and more.
    """

    async def main() -> list[Entry]:
        async with opened(project, work=False) as runtime:
            return await entries(runtime.namespace, path)

    found = complete(main())
    if as_json:
        print_json([_object(entry) for entry in found])
    elif long:
        print_table(COLUMNS, [_row(entry) for entry in found])
    else:
        for entry in found:
            click.echo(_name(entry))


async def entries(namespace: Namespace, path: str) -> list[Entry]:
    """What is in a directory; a file alone."""
    try:
        return await namespace.list(path)
    except NotADirectory:
        stat = await namespace.stat(path)  # where the file is on the way to the path, this tells
        return [Entry(parse(path)[-1], stat.is_dir, stat.size, stat.modified_at)]


def _row(entry: Entry) -> tuple[str, ...]:
    size = "-" if entry.size is None else f"{entry.size:,}"
    return "dir" if entry.is_dir else "file", size, show_time(entry.modified_at or 0), _name(entry)


def _name(entry: Entry) -> str:
    return f"{entry.name}/" if entry.is_dir else entry.name


def _object(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "is_dir": entry.is_dir,
        "size": entry.size,
        "modified_at": entry.modified_at,
    }
