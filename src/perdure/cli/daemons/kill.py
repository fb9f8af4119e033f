"""`perdure kill`: end a daemon at once."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.daemons.daemon import find_daemon

from .. import options
from ..json import print_json
from .told import object_of, state_folder_of


@click.command("kill")
@options.daemon
@options.json("Print one object.")
@options.project
def command(name: str, as_json: bool, project: Path | None) -> None:
    """End a daemon at once.

    With all its processes. Nothing that was accepted is lost: runs go on at the next start, and tools that were cut off
    in the middle are in doubt where that matters. `perdure stop` lets them finish first.
    """
    daemon = find_daemon(state_folder_of(project), name)
    daemon.kill()
    if as_json:
        print_json(object_of(daemon.known()))
    else:
        click.echo(f"{daemon.name} {daemon.known().state}")
