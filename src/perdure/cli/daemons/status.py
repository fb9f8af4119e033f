"""`perdure status`: how a daemon is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perdure.base.clock import SystemClock
from perdure.base.money import show_money
from perdure.control.daemons.daemon import AT_WORK, Daemon, Known, find_daemon

from .. import options
from ..exits import DONE, FAILED
from ..json import print_json
from ..table import print_facts
from ..terminal import paint
from ..times import show_time
from .told import live, object_of, state_folder_of, state_of, uptime_of


@click.command("status")
@options.daemon
@options.json("Print one object: name, state, pid, url, restarts and more, and `server` as GET /runtime/status has it.")
@options.project
@click.pass_context
def command(ctx: click.Context, name: str, as_json: bool, project: Path | None) -> None:
    """Show how a daemon is.

    Its state, process, requests, cost, and files that are wrong. Without NAME it is the only one of the project. The
    exit code is 1 where it does not run.
    """
    daemon = find_daemon(state_folder_of(project), name)
    known, server = daemon.known(), live(daemon)
    if as_json:
        print_json({**object_of(known), "server": server or None})
    else:
        print_facts(_facts(daemon, known, server))
    ctx.exit(DONE if known.state in AT_WORK else FAILED)


def _facts(daemon: Daemon, known: Known, server: dict[str, Any]) -> list[tuple[str, str]]:
    now = SystemClock().now()
    state = state_of(known, now)
    colour = "green" if known.state == "running" else "yellow" if known.state in AT_WORK else "red"
    last = server.get("reloaded")
    return [
        ("daemon", f"{known.name} of {server['project']}" if server.get("project") else known.name),
        ("state", paint(state, fg=colour)),
        ("pid", f"{known.pid} (supervised by {known.supervisor})" if known.pid else ""),
        ("uptime", f"{uptime_of(known, now)}, since {show_time(known.since)}" if known.pid else ""),
        (
            "restarts",
            f"{known.restarts}, after {known.ended}" if known.restarts and known.ended else str(known.restarts),
        ),
        ("url", known.url),
        ("requests", f"{server['requests']:,}" if "requests" in server else ""),
        ("cost", show_money(server["cost_microusd"]) if "cost_microusd" in server else ""),
        ("reloaded", show_time(last["at"]) if last else ""),
        *(("problem", paint(what, fg="red")) for what in server.get("problems", {}).values()),
        ("trouble", paint(server["trouble"], fg="red") if "trouble" in server else ""),
        ("log", str(daemon.log)),
    ]
