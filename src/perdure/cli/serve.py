"""`perdure serve`: a project's agents over HTTP, until somebody stops it."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.wiring import Served
from perdure.wiring import serve as serve_project

from . import options
from .exits import DONE
from .open import login_link, reached
from .process import Stop, complete
from .project import folder_of
from .terminal import hint, note

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Listen here. [default: the project's server.host, or 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one. [default: the project's server.port, or 8420]"
)
@click.option("--tls-cert", type=FILE, help="Serve HTTPS with this certificate and its chain (PEM).")
@click.option("--tls-key", type=FILE, help="The key of the certificate (PEM).")
@click.option("--insecure", is_flag=True, help="Be reached from elsewhere without TLS: behind a proxy that has it.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure: bool,
    project: Path | None,
) -> None:
    """Serve a project's agents over HTTP.

    Clients show a key of `perdure keys`, or the token of the file `.perdure/token`, which is made when it is missing.
    Browsers log in by a link that is printed here, and by `perdure open`. Runs that were interrupted go
    on, and what wakes agents does so. Ctrl-C or SIGTERM lets requests under way finish and puts runs away where they
    are safe; a second one stops at once. Nothing that was accepted is lost either way.
    """

    tls = None
    if tls_cert is not None and tls_key is not None:
        tls = tls_cert, tls_key
    elif tls_cert is not None or tls_key is not None:
        raise click.UsageError("--tls-cert and --tls-key go together")

    async def main() -> int:
        with Stop() as stop:
            async with serve_project(
                folder_of(project), host=host, port=port, tls=tls, insecure=insecure, report=note
            ) as served:
                _tell(served)
                await stop.asked()
        return DONE

    ctx.exit(complete(main(), many=True))


def _tell(served: Served) -> None:
    note(f"Serving {served.runtime.project.name} on {served.url}")
    if served.token is not None:
        note(f"Token: {served.runtime.project.state_folder / 'token'}")
        # For who sits here: in a file of logs a link that lets somebody in has no business.
        hint(f"Open:  {login_link(reached(served.url), served.token)}")
    for file, error in served.runtime.undeployed.items():
        note(f"{file} is wrong, and wakes no agent: {error.message}")
