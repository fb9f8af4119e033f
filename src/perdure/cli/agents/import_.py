"""`perdure agents import`: an agent from a file."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from perdure.base.errors import BundleTooLarge
from perdure.control.bundle.archive import LIMIT
from perdure.control.bundle.importing import Imported, ImportMode
from perdure.wiring import open as open_runtime

from .. import options
from ..errors import plain
from ..json import print_json
from ..process import complete
from ..project import folder_of
from ..terminal import note
from ..who import who


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(get_args(ImportMode)),
    default="restore",
    show_default=True,
    help="As itself, as another agent, or into one that is here.",
)
@click.option("--agent", metavar="ID", help="The clone's id, or the agent to merge into.")
@options.json("Print one object: id, status, state_version, warnings, conflicts.")
@options.project
def command(file: Path, mode: ImportMode, agent: str | None, as_json: bool, project: Path | None) -> None:
    """Put an agent from a file into this project.

    `restore` puts it back as it was, under its own id, which must be free. `clone` makes another agent of it. `merge`
    gives its messages, values, known ids and dead letters to an agent that is here.
    """
    if file.stat().st_size > LIMIT:
        raise BundleTooLarge(f"{file} has more than {LIMIT:,} bytes", limit=LIMIT)

    data = file.read_bytes()

    async def main() -> None:
        async with open_runtime(folder_of(project)) as runtime:
            _tell(await runtime.import_agent(data, mode=mode, agent=agent, who=who()), as_json)

    complete(main())


def _tell(imported: Imported, as_json: bool) -> None:
    if as_json:
        print_json(plain(imported))
    else:
        click.echo(f"{imported.id} is imported")
    for warning in imported.warnings:
        note(f"warning: {warning}")
    for key in imported.conflicts:
        note(f"conflict: {key} is kept as it is here")
