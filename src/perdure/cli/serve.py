"""`perdure serve`: a project's agents over HTTP, until somebody stops it."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.wiring import Served
from perdure.wiring import serve as serve_project

from . import options
from .exits import DONE
from .process import Stop, complete
from .project import folder_of
from .terminal import note


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Listen here. [default: the project's server.host, or 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one. [default: the project's server.port, or 8420]"
)
@options.project
@click.pass_context
def command(ctx: click.Context, host: str | None, port: int | None, project: Path | None) -> None:
    """Serve a project's agents over HTTP.

    Clients send the token of the file `.perdure/token`, which is made when it is missing. Runs that were interrupted go
    on, and what wakes agents does so. Ctrl-C or SIGTERM lets requests under way finish and puts runs away where they
    are safe; a second one stops at once. Nothing that was accepted is lost either way.
    """

    async def main() -> int:
        with Stop() as stop:
            async with serve_project(folder_of(project), host=host, port=port, report=note) as served:
                _tell(served)
                await stop.asked()
        return DONE

    ctx.exit(complete(main(), many=True))


def _tell(served: Served) -> None:
    note(f"Serving {served.runtime.project.name} on {served.url}")
    if served.token is not None:
        note(f"Token: {served.runtime.project.state_folder / 'token'}")
    for file, error in served.runtime.undeployed.items():
        note(f"{file} is wrong, and wakes no agent: {error.message}")
