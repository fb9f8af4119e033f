"""`perdure serve`: a project's agents over HTTP, until somebody stops it."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.base.lazy import load

from . import options
from .process import complete
from .project import folder_of
from .serving import Service, serve

START_DAEMON = "perdure.cli.daemons.starting:serve_in_background"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve")
@click.option("--host", metavar="ADDRESS", help="Listen here. [default: the project's server.host, or 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="0 takes a free one. [default: the project's server.port, or 8420]"
)
@click.option("--tls-cert", type=FILE, help="Serve HTTPS with this certificate and its chain (PEM).")
@click.option("--tls-key", type=FILE, help="The key of the certificate (PEM).")
@click.option("--insecure", is_flag=True, help="Be reached from elsewhere without TLS: behind a proxy that has it.")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    type=FILE,
    help="Publish the agent of this file too, beside those in `agents`.",
)
@click.option("--daemon", is_flag=True, help="Do so in the background, and come back when it is ready.")
@click.option("--name", metavar="NAME", help="What the daemon is called. [default: server]")
@options.json("With --daemon, print one object: name, state, pid, url and more.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    host: str | None,
    port: int | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    insecure: bool,
    files: tuple[Path, ...],
    daemon: bool,
    name: str | None,
    as_json: bool,
    project: Path | None,
) -> None:
    """Serve a project's agents over HTTP.

    Clients show a key of `perdure keys`, or the token of the file `.perdure/token`, which is made when it is missing.
    Browsers log in by a link that is printed here, and by `perdure open`. Runs that were interrupted go on, and what
    wakes agents does so. A file that is edited counts for the runs that follow; SIGHUP takes up all that changed,
    SIGUSR1 begins anew on the same socket. Ctrl-C or SIGTERM lets requests under way finish and puts runs away where
    they are safe; a second one stops at once. Nothing that was accepted is lost either way.
    """
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if (name is not None or as_json) and not daemon:
        raise click.UsageError("--name and --json are for --daemon")
    tls = None if tls_cert is None or tls_key is None else (tls_cert.absolute(), tls_key.absolute())
    service = Service(folder_of(project), host, port, tuple(file.absolute() for file in files), tls, insecure)
    if daemon:
        ctx.exit(load(START_DAEMON)(service, name or "server", json=as_json))
    ctx.exit(complete(serve(service), many=True)())
