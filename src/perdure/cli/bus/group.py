"""The table of the commands below `perdure bus`."""

from __future__ import annotations

import click

from ..group import LazyGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "tail": ("perdure.cli.bus.tail:command", "Show events, and follow what comes."),
        "topics": ("perdure.cli.bus.topics:command", "List the topics that have events, and who hears them."),
    }
}


@click.group("bus", cls=LazyGroup, sections=COMMANDS)
def group() -> None:
    """Show events and topics."""
