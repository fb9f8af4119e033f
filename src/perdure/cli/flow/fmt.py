"""`perdure flow fmt`: flows in one form."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.flows.formatting import formatted

from ..exits import FAILED
from ..files import write_whole
from ..terminal import paint
from .reading import chosen, files


@click.command("fmt")
@files
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 where a file would be changed.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], check: bool) -> None:
    """Write flows in one form; comments stay.

    Two spaces, and the keys of a step in a common order; what a flow means does not change. FILES are YAML flows, or
    folders of them; without any, those of the project.
    """
    different = 0
    for path in chosen(files):
        text = path.read_text(encoding="utf-8")
        new = formatted(text, str(path))
        if new == text:
            continue
        different += 1
        if not check:
            write_whole(path, new.encode())
        click.echo(f"{paint('would change' if check else 'changed', fg='yellow')}  {path}")
    if check and different:
        ctx.exit(FAILED)
