"""The table of the commands below `perdure runs`."""

from __future__ import annotations

import click

from ..group import LazyGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "list": ("perdure.cli.runs.list:command", "List runs, the newest first."),
        "show": ("perdure.cli.runs.show:command", "Show everything about a run that is not its course."),
        "verify": ("perdure.cli.runs.verify:command", "Check that the journal is as it was written."),
        "delete": ("perdure.cli.runs.delete:command", "Delete runs that have ended."),
        "export": ("perdure.cli.runs.export:command", "Write runs as JSON, lines of JSON, or CSV."),
    }
}


@click.group("runs", cls=LazyGroup, sections=COMMANDS)
def group() -> None:
    """List, show, verify, delete and export runs."""
