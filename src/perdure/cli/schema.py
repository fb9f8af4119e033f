"""`perdure schema`: what a file may hold, for editors."""

from __future__ import annotations

import click
import msgspec

from perdure.agents.schema import KINDS, TEAM, file_schema
from perdure.flows.language.schema import flow_schema


@click.command("schema")
@click.argument("kind", type=click.Choice([*KINDS, TEAM, "flow"]))
def command(kind: str) -> None:
    """Print the JSON Schema of a file.

    Editors check a YAML file against it where the file begins with `# yaml-language-server: $schema=PATH`.
    """
    schema = flow_schema() if kind == "flow" else file_schema(kind)
    click.echo(msgspec.json.format(msgspec.json.encode(schema), indent=2))
