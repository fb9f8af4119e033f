"""`perdure flow graph`: a picture of a flow."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.flows.drawing.mermaid import mermaid
from perdure.flows.drawing.svg import svg

from ..files import write_whole
from .reading import file, read


@click.command("graph")
@file
@click.option("--svg", "as_svg", is_flag=True, help="Draw SVG instead of Mermaid.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to a file.")
def command(file: Path, as_svg: bool, out: Path | None) -> None:
    """Draw a flow, as SVG or Mermaid.

    Mermaid is for Markdown pages. Where FILE of --out ends in .svg, --svg is meant.
    """
    plan = read(file).plan
    picture = svg(plan) if as_svg or (out is not None and out.suffix == ".svg") else mermaid(plan)
    if out is None:
        click.echo(picture, nl=False)
    else:
        write_whole(out, picture.encode())
