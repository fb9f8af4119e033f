"""The table of the commands below `perdure flow`."""

from __future__ import annotations

import click

from ..group import LazyGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "check": ("perdure.cli.flow.check:command", "Tell everything that is wrong with flows, before they run."),
        "plan": ("perdure.cli.flow.plan:command", "Show the steps of a flow, and what it could cost."),
        "graph": ("perdure.cli.flow.graph:command", "Draw a flow, as SVG or Mermaid."),
        "fmt": ("perdure.cli.flow.fmt:command", "Write flows in one form; comments stay."),
    }
}


@click.group("flow", cls=LazyGroup, sections=COMMANDS)
def group() -> None:
    """Check, show, draw and format flows."""
