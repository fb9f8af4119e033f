"""`perdure runs list`: the runs of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from perdure.base.duration import parse_duration, show_duration
from perdure.base.money import show_money
from perdure.control.listing import RunSummary
from perdure.kernel.store.rows import Page, RunStatus

from .. import options
from ..json import print_json
from ..outcome import usage_of
from ..process import complete
from ..project import opened
from ..table import Column, print_table
from ..terminal import hint
from ..times import show_time

COLUMNS = (
    Column("RUN", "id"),
    Column("AGENT"),
    Column("STATUS", "state"),
    Column("STARTED"),
    Column("TIME", "number"),
    Column("STEPS", "number"),
    Column("COST", "number"),
)


@click.command("list")
@click.option("--agent", default="", metavar="ID", help="Only those of this agent.")
@click.option("--status", multiple=True, type=click.Choice(get_args(RunStatus)), help="Only those in this state.")
@click.option("--since", metavar="AGE", help="Only those that began within this time: 30m, 12h, 7d.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@click.option("--cursor", default="", help="Go on where the page before ended.")
@options.json("Print a list of objects: run_id, agent_id, status, waiting_for, started_at, cost_microusd and more.")
@options.project
def command(
    agent: str,
    status: tuple[RunStatus, ...],
    since: str | None,
    limit: int,
    cursor: str,
    as_json: bool,
    project: Path | None,
) -> None:
    """List runs, the newest first."""

    async def main() -> None:
        async with opened(project) as runtime:
            since_ms = runtime.clock.now() - parse_duration(since) if since else 0
            page = await runtime.runs(agent=agent, status=status, since_ms=since_ms, limit=limit, cursor=cursor)
            _tell(page, as_json)

    complete(main())


def _tell(page: Page[RunSummary], as_json: bool) -> None:
    if as_json:
        print_json([object_of_summary(run) for run in page.items])
    elif page.items:
        print_table(COLUMNS, [_row(run) for run in page.items])
    else:
        hint("No runs.")
    if page.next:
        hint(f"More: --cursor {page.next}")


def object_of_summary(run: RunSummary) -> dict[str, Any]:
    return msgspec.structs.asdict(run) | {"usage": usage_of(run.usage)}


def _row(run: RunSummary) -> tuple[str, ...]:
    return (
        run.run_id,
        run.agent_id,
        state_of(run),
        show_time(run.started_at),
        show_duration(run.duration_ms),
        str(run.steps),
        show_money(run.cost_microusd),
    )


def state_of(run: RunSummary) -> str:
    """The state in words: `waiting (approval)`, and `interrupted` for a run whose process is gone."""
    if run.interrupted:
        return "interrupted"
    return f"{run.status} ({run.waiting_for})" if run.waiting_for else run.status
