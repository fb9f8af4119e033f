"""`perdure logs`: the journal of an agent, a line for each record, or what a daemon said."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import click
import msgspec

from perdure.base.codec import from_json
from perdure.base.lazy import load
from perdure.control.daemons.daemon import all_daemons
from perdure.namespace.namespace import Namespace

from . import options
from .exits import DONE
from .json import print_json
from .process import Stop, Stopped, complete
from .project import opened
from .table import COLOURS
from .terminal import hint, is_terminal, paint
from .times import show_time

DAEMON_LOG = "perdure.cli.daemons.log:show_log"
_LEAST = 40
"""Letters that a record's own fields may take on a terminal, however narrow."""
_HEAD = ("seq", "at", "type", "run_id", "key")


@click.command("logs")
@options.daemon
@click.option("--follow", "-f", is_flag=True, help="Stay, and show what comes, until Ctrl-C.")
@click.option("--last", "-n", type=click.IntRange(0), default=20, show_default=True, help="Begin with so many records.")
@click.option(
    "--of", type=click.Choice(("agent", "daemon")), help="What NAME is. [default: a daemon where one is called that]"
)
@options.json("Print an object a line: everything that a record says, or each line of a daemon.")
@options.project
@click.pass_context
def command(
    ctx: click.Context, name: str, follow: bool, last: int, of: str | None, as_json: bool, project: Path | None
) -> None:
    """Show the journal of an agent, or what a daemon said, and follow it.

    An agent's journal is what /agents/NAME/logs holds: `recent` the last 512 records, `trace` all that come,
    `trajectory` everything. A daemon's log is the file that its process writes to. Without NAME it is that of the only
    daemon of the project.
    """
    if of is None:
        of = _kind_of(name, project)
    if of == "daemon":
        ctx.exit(complete(load(DAEMON_LOG)(name, project, last=last, follow=follow, json=as_json)))

    async def main() -> int:
        with Stop(said="") as stop:
            async with opened(project, work=False) as runtime:
                try:
                    await stop.unless(_show(runtime.namespace, name, last, follow=follow, json=as_json))
                except Stopped:
                    pass  # following has no other end
                return DONE

    ctx.exit(complete(main()))


def _kind_of(name: str, project: Path | None) -> str:
    state_folder = load("perdure.cli.daemons.told:state_folder_of")(project)
    if not name or any(daemon.name == name for daemon in all_daemons(state_folder)):
        if name:
            hint(f"This is what the daemon said. The journal of an agent of that name: perdure logs {name} --of agent")
        return "daemon"
    return "agent"


async def _show(namespace: Namespace, agent_id: str, last: int, *, follow: bool, json: bool) -> None:
    logs = f"/agents/{agent_id}/logs"
    records = from_json(await namespace.read(f"{logs}/recent"))
    for record in records[len(records) - min(last, len(records)) :]:
        _print(record, json)
    if follow:
        after = records[-1]["seq"] if records else 0
        async for change in await namespace.watch(f"{logs}/trace", after):
            _print(from_json(change.data), json)


def _print(record: dict[str, Any], json: bool) -> None:
    if json:
        print_json(record, line=True)
        return
    what = {name: value for name, value in record.items() if name not in _HEAD}
    said = msgspec.json.encode(what).decode() if what else ""
    when, kind = f"{show_time(record['at'])}  {record['seq']:>6}", f"{record['type']:<16}"
    key = f"{record['key']}  " if "key" in record else ""
    room = max(_LEAST, get_terminal_size().columns - len(f"{when}  {kind}  {key}"))
    if is_terminal(sys.stdout) and len(said) > room:
        said = f"{said[: room - 1]}…"
    colour = COLOURS.get(record["type"].rpartition(".")[2])
    click.echo(f"{when}  {paint(kind, fg=colour)}  {key}{paint(said, dim=True)}".rstrip())
