"""`perdure ps`: the daemons of a project."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.base.clock import SystemClock
from perdure.control.daemons.daemon import all_daemons

from .. import options
from ..json import print_json
from ..table import Column, print_table
from ..terminal import hint
from .told import object_of, state_folder_of, state_of, uptime_of

COLUMNS = (
    Column("NAME"),
    Column("STATE", "state"),
    Column("PID", "number"),
    Column("UPTIME", "number"),
    Column("RESTARTS", "number"),
    Column("URL"),
)


@click.command("ps")
@options.json("Print a list of objects: name, state, pid, supervisor, url, started_at, restarts, failures, ended.")
@options.project
def command(as_json: bool, project: Path | None) -> None:
    """List the daemons of a project.

    Those that have ended are listed too, with how they did.
    """
    now = SystemClock().now()
    found = [daemon.known() for daemon in all_daemons(state_folder_of(project))]
    if as_json:
        print_json([object_of(known) for known in found])
    elif found:
        rows = [
            (one.name, state_of(one, now), str(one.pid or "-"), uptime_of(one, now), str(one.restarts), one.url)
            for one in found
        ]
        print_table(COLUMNS, rows)
    else:
        hint("No daemons. `perdure serve --daemon` starts one.")
