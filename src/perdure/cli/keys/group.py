"""The table of the commands below `perdure keys`."""

from __future__ import annotations

import click

from ..group import LazyGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "add": ("perdure.cli.keys.add:command", "Make a key for the server."),
        "list": ("perdure.cli.keys.list:command", "List keys and sessions, and when they were last used."),
        "revoke": ("perdure.cli.keys.revoke:command", "Let a key open nothing any more."),
    }
}


@click.group("keys", cls=LazyGroup, sections=COMMANDS)
def group() -> None:
    """Make, list and revoke the keys that the server lets in."""
