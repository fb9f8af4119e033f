"""`perdure agents list`: the agents of a project."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click
import msgspec

from perdure.control.agents import AgentSummary
from perdure.kernel.records import AgentStatus
from perdure.kernel.store.rows import Page

from .. import options
from ..json import print_json
from ..process import complete
from ..project import opened
from ..table import Column, print_table
from ..terminal import hint
from ..times import show_time

COLUMNS = (
    Column("AGENT"),
    Column("SPEC"),
    Column("STATUS", "state"),
    Column("MAIL", "number"),
    Column("RECORDS", "number"),
    Column("CHANGED"),
)


@click.command("list")
@click.option("--status", multiple=True, type=click.Choice(get_args(AgentStatus)), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--cursor", default="", help="Go on where the page before ended.")
@options.json("Print a list of objects: agent_id, spec, status, active_run, mail, records, created_at, updated_at.")
@options.project
def command(status: tuple[AgentStatus, ...], limit: int, cursor: str, as_json: bool, project: Path | None) -> None:
    """List agents, in order of their ids."""

    async def main() -> None:
        async with opened(project) as runtime:
            _tell(await runtime.agents(status=status, limit=limit, cursor=cursor), as_json)

    complete(main())


def _tell(page: Page[AgentSummary], as_json: bool) -> None:
    if as_json:
        print_json([msgspec.structs.asdict(agent) for agent in page.items])
    elif page.items:
        print_table(COLUMNS, [_row(agent) for agent in page.items])
    else:
        hint("No agents.")
    if page.next:
        hint(f"More: --cursor {page.next}")


def _row(agent: AgentSummary) -> tuple[str, ...]:
    return (
        agent.agent_id,
        agent.spec,
        agent.status,
        str(agent.mail),
        f"{agent.records:,}",
        show_time(agent.updated_at),
    )
