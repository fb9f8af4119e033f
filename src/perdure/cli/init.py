"""`perdure init`: a new project."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.agents.scaffold import create_project

from .terminal import hint


@click.command("init")
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make a new project.

    NAME is the folder to make it in, and what it is called. No file is overwritten.
    """
    for path in create_project(folder):
        click.echo(path)
    hint(f'Try it:\n  cd {folder}\n  perdure run agents/assistant.yaml --input "What\'s 25 * 47?"')
