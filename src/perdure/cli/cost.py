"""`perdure cost`: what was spent, on what."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from perdure.base.money import show_money
from perdure.control.costs import By, CostLine, Costs

from . import options
from .errors import plain
from .json import print_json
from .process import complete
from .project import opened
from .table import Column, print_table
from .terminal import hint
from .when import parse_when


@click.command("cost")
@click.option("--by", type=click.Choice(get_args(By)), default="day", show_default=True, help="What to add up by.")
@click.option("--since", metavar="TIME", help="Only what was spent since then: 12h, 7d, 2026-01-31.")
@click.option("--until", metavar="TIME", help="Only what was spent before that.")
@options.json("Print one object: by, total and lines, each with cost_microusd, calls, input_tokens, output_tokens.")
@options.project
def command(by: By, since: str | None, until: str | None, as_json: bool, project: Path | None) -> None:
    """Show what was spent, by run, agent, model or day.

    The sums come from the journal, and are those of the budgets to the micro-dollar. A day is one of UTC. Runs that
    were deleted are not in it. A call that was cut short, which may have been charged for, counts as its budget
    does.
    """

    async def main() -> Costs:
        async with opened(project) as runtime:
            now = runtime.clock.now()
            since_ms = parse_when(since, now) if since else 0
            return await runtime.costs(by, since_ms=since_ms, until_ms=parse_when(until, now) if until else None)

    found = complete(main())
    if as_json:
        print_json(plain(found))
    elif found.lines:
        columns = (
            Column(by.upper(), "id" if by == "run" else "text"),
            Column("CALLS", "number"),
            Column("TOKENS IN", "number"),
            Column("TOKENS OUT", "number"),
            Column("COST", "number"),
        )
        print_table(columns, [*map(_row, found.lines), _row(found.total)])
    else:
        hint("Nothing was spent.")


def _row(line: CostLine) -> tuple[str, ...]:
    tokens = f"{line.input_tokens:,}", f"{line.output_tokens:,}"
    return line.name, f"{line.calls:,}", *tokens, show_money(line.cost_microusd)
