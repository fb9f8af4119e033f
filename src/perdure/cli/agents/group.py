"""The table of the commands below `perdure agents`."""

from __future__ import annotations

import click

from ..group import LazyGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "list": ("perdure.cli.agents.list:command", "List agents, in order of their ids."),
        "create": ("perdure.cli.agents.create:command", "Make an agent without sending it a message."),
        "show": ("perdure.cli.agents.show:command", "Show everything about an agent but its runs."),
        "hibernate": ("perdure.cli.agents.hibernate:command", "Put an agent to sleep until mail or a timer wakes it."),
        "wake": ("perdure.cli.agents.wake:command", "Let an agent work that sleeps, was stopped, or has failed."),
        "stop": ("perdure.cli.agents.stop:command", "Let nothing begin for an agent; its mail waits."),
        "delete": (
            "perdure.cli.agents.delete:command",
            "Delete an agent with everything of it.",
        ),
        "export": ("perdure.cli.agents.export:command", "Write an agent to a file."),
        "import": ("perdure.cli.agents.import_:command", "Put an agent from a file into this project."),
    }
}


@click.group("agents", cls=LazyGroup, sections=COMMANDS)
def group() -> None:
    """List, make, show, stop, wake, delete, export and import agents."""
