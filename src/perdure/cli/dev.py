"""`perdure dev`: serve while you write."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .process import complete
from .project import folder_of
from .serving import Service, serve
from .showing import shown


@click.command("dev")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one. [default: the project's server.port, or 8420]"
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Publish the agent of this file too, beside those in `agents`.",
)
@options.project
@click.pass_context
def command(ctx: click.Context, port: int | None, files: tuple[Path, ...], project: Path | None) -> None:
    """Serve while you write, and show what runs do.

    It is `perdure serve` on this machine alone, and tells what happens: files that were taken up or refused, and what
    runs say, call, cost and come to. Ctrl-C ends it.
    """
    service = Service(folder_of(project), "127.0.0.1", port, tuple(file.absolute() for file in files))
    ctx.exit(complete(serve(service, shown), many=True)())
