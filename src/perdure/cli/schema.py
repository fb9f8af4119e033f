"""`perdure schema`: what a file may hold, for editors."""

from __future__ import annotations

import click
import msgspec

from perdure.agents.schema import KINDS, file_schema


@click.command("schema")
@click.argument("kind", type=click.Choice(list(KINDS)))
def command(kind: str) -> None:
    """Print the JSON Schema of a file.

    Editors check a YAML file against it where the file begins with `# yaml-language-server: $schema=PATH`.
    """
    click.echo(msgspec.json.format(msgspec.json.encode(file_schema(kind)), indent=2))
