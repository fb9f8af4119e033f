"""`perdure runs delete`: runs that have ended, gone for good."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.deletion import Deleted

from .. import options
from ..json import print_json
from ..process import complete
from ..project import opened


@click.command("delete")
@click.argument("run_ids", metavar="RUN...", nargs=-1)
@click.option("--agent", metavar="ID", help="Delete this agent with all of its runs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.json("Print one object: runs, agents. Asks nothing.")
@options.project
def command(run_ids: tuple[str, ...], agent: str | None, yes: bool, as_json: bool, project: Path | None) -> None:
    """Delete runs that have ended.

    Their records are erased; the chain of hashes of their agent stays whole.
    """
    if bool(run_ids) == (agent is not None):
        raise click.UsageError("name the runs, or --agent ID")
    if not (yes or as_json):
        click.confirm(f"Delete {agent or ', '.join(run_ids)} for good?", abort=True, err=True)

    async def main() -> None:
        async with opened(project) as runtime:
            if agent is not None:
                _tell([await runtime.delete_agent(agent)], as_json)
            else:
                _tell([await runtime.delete_run(run_id) for run_id in run_ids], as_json)

    complete(main())


def _tell(deleted: list[Deleted], as_json: bool) -> None:
    runs = [run for gone in deleted for run in gone.runs]
    agents = [agent for gone in deleted for agent in gone.agents]
    if as_json:
        print_json({"runs": runs, "agents": agents})
        return
    for name in (*runs, *agents):
        click.echo(f"deleted {name}")
