"""`perdure stop`: end a daemon, losing nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from perdure.base.duration import parse_duration
from perdure.base.errors import DaemonError, DaemonNotRunning
from perdure.control.daemons.daemon import AT_WORK, Daemon, all_daemons, find_daemon

from .. import options
from ..json import print_json
from .told import object_of, state_folder_of

MARGIN_MS = 10_000


@click.command("stop")
@options.daemon
@click.option("--all", "every", is_flag=True, help="All daemons of the project.")
@click.option("--timeout", metavar="TIME", help="How long to wait. [default: the grace period, and 10 s]")
@options.json("Print a list of objects, one for each daemon.")
@options.project
def command(name: str, every: bool, timeout: str | None, as_json: bool, project: Path | None) -> None:
    """Stop a daemon, and wait until it has ended.

    Requests under way are answered, runs come to a safe point, within lifecycle.shutdown.grace_period. What was
    accepted goes on at the next start. Without NAME it is the only one of the project.
    """
    if every and name:
        raise click.UsageError("give a NAME, or --all")
    folder = state_folder_of(project)
    given_ms = parse_duration(timeout) if timeout else None
    if every:
        found = [one for one in all_daemons(folder) if one.known().state in AT_WORK]
    else:
        found = [find_daemon(folder, name)]
    for daemon in found:
        _signal(daemon, gently=every)
    for daemon in found:
        wait_ms = daemon.known().grace_ms + MARGIN_MS if given_ms is None else given_ms
        if not daemon.wait(wait_ms):
            hint = f"It goes on stopping. `perdure kill {daemon.name}` ends it at once; nothing is lost either way."
            raise DaemonError(f"{daemon.name} has not ended within {wait_ms / 1000:.0f} s", hint=hint, name=daemon.name)
        if not as_json:
            click.echo(f"{daemon.name} {daemon.known().state}")
    if as_json:
        print_json([object_of(daemon.known()) for daemon in found])


def _signal(daemon: Daemon, *, gently: bool) -> None:
    try:
        daemon.signal(signal.SIGTERM)
    except DaemonNotRunning:
        if not gently:  # of all of them, one that ended a moment ago is as it should be
            raise
