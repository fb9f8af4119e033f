"""`perdure agents delete`: an agent, gone for good."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options
from ..json import print_json
from ..process import complete
from ..project import opened
from ..who import who


@click.command("delete")
@options.agent_id
@click.option("--end", is_flag=True, help="End it first: what it is at and what waits for it is cancelled.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.json("Print one object: agents, runs. Asks nothing.")
@options.project
def command(agent_id: str, end: bool, yes: bool, as_json: bool, project: Path | None) -> None:
    """Delete an agent with everything of it.

    That is runs, journal, state and mail. All its runs have to have ended, unless it is to be ended first.
    """
    if not (yes or as_json):
        click.confirm(f"Delete {agent_id} for good?", abort=True, err=True)

    async def main() -> None:
        async with opened(project) as runtime:
            if end:
                await runtime.change(agent_id, "terminate", why="it is deleted", who=who())
            gone = await runtime.delete_agent(agent_id)
            if as_json:
                print_json({"agents": gone.agents, "runs": gone.runs})
            else:
                click.echo(f"deleted {agent_id} with {len(gone.runs)} runs")

    complete(main())
