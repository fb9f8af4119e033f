"""`perdure restart`: begin a daemon anew."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import click

from perdure.agents.config.loader import load_project
from perdure.base.errors import DaemonFailed
from perdure.control.daemons.daemon import AT_WORK, Daemon, find_daemon

from .. import options
from ..json import print_json
from ..project import folder_of
from .starting import last_words
from .told import object_of, state_folder_of

MARGIN_MS = 60_000


@click.command("restart")
@options.daemon
@options.json("Print one object.")
@options.project
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool, project: Path | None) -> None:
    """Begin a daemon anew.

    So that changed settings, imported Python modules or another version of Perdure count. It keeps its socket: whoever
    connects meanwhile waits and is not turned away; requests under way are answered first. One that does not run is
    started as it was.
    """
    load_project(folder_of(project), environment=os.environ)  # wrong settings are told of before anything ends
    daemon = find_daemon(state_folder_of(project), name)
    known = daemon.known()
    if known.state not in AT_WORK:
        words = [*known.command, "--daemon", "--name", daemon.name, *(["--json"] if as_json else [])]
        ctx.exit(subprocess.call(words, stdin=subprocess.DEVNULL))
    daemon.signal(signal.SIGUSR1)
    if not daemon.wait(known.grace_ms + MARGIN_MS, lambda: _is_over(daemon, known.restarts)):
        raise DaemonFailed(f"{daemon.name} has not begun anew yet", name=daemon.name)
    now = daemon.known()
    if now.state != "running":
        raise DaemonFailed(
            f"{daemon.name} did not begin anew, it is {now.state}: {now.ended}\n{last_words(daemon.log)}".rstrip(),
            name=daemon.name,
        )
    if as_json:
        print_json(object_of(now))
    else:
        click.echo(f"{daemon.name} serves on {now.url}")


def _is_over(daemon: Daemon, restarts: int) -> bool:
    now = daemon.known()
    return (now.state == "running" and now.restarts > restarts) or now.state not in ("starting", "running", "waiting")
