"""The table of the commands below `perdure keys`."""

from __future__ import annotations

import click

from ..group import LazyGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "add": ("perdure.cli.keys.add:command", "Make a key for the server, and print it."),
        "list": ("perdure.cli.keys.list:command", "List keys and sessions of browsers."),
        "revoke": ("perdure.cli.keys.revoke:command", "Let keys or sessions open nothing any more."),
    }
}


@click.group("keys", cls=LazyGroup, sections=COMMANDS)
def group() -> None:
    """Make, list and revoke the keys that the server lets in."""
