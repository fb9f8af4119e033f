"""`perdure budget`: what may be spent, and what is."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.base.money import parse_money, show_money
from perdure.kernel.standing import BudgetLine

from . import options
from .errors import plain
from .json import print_json
from .process import complete
from .project import opened
from .table import Column, print_table
from .terminal import hint
from .times import show_time
from .who import who

COLUMNS = (
    Column("SCOPE"),
    Column("LIMIT", "number"),
    Column("RESERVED", "number"),
    Column("SPENT", "number"),
    Column("REMAINING", "number"),
    Column("RESETS AT"),
)


@click.command("budget")
@click.argument("which", metavar="[SCOPE|AGENT|RUN]", default="")
@click.option("--set", "amount", metavar="AMOUNT", help="Give SCOPE this limit instead of its file's: $5, 0.10.")
@click.option("--unset", is_flag=True, help="Let the limit of SCOPE's file hold again.")
@options.json("Print a list of objects: scope, limit_microusd, reserved_microusd, spent_microusd, resets_at and more.")
@options.project
def command(which: str, amount: str | None, unset: bool, as_json: bool, project: Path | None) -> None:
    """Show what may be spent and what is, or set a limit.

    A scope is `run:ID`, `agent:ID:tick`, `agent:ID:day`, `project:day` or `project:month`. Of a run, all that it draws
    on is shown. Runs that wait for a budget go on when its limit is raised.
    """
    if (amount is not None or unset) and (not which or (amount is not None and unset)):
        raise click.UsageError("name one SCOPE, and either --set or --unset")
    limit = None if amount is None else parse_money(amount)

    async def main() -> list[BudgetLine]:
        async with opened(project) as runtime:
            if amount is not None or unset:
                return [await runtime.set_budget(which, limit, who=who())]
            return await runtime.budgets(which)

    lines = complete(main())
    if as_json:
        print_json(plain(lines))
    elif lines:
        print_table(COLUMNS, [_row(line) for line in lines])
    else:
        hint("No budgets: nothing is limited, and nothing counted.")


def _row(line: BudgetLine) -> tuple[str, ...]:
    return (
        line.scope,
        _money(line.limit_microusd) + (" (set)" if line.is_set else ""),
        show_money(line.reserved_microusd),
        show_money(line.spent_microusd) + (" (low)" if line.warned else ""),
        _money(line.remaining_microusd),
        show_time(line.resets_at or 0),
    )


def _money(amount: int | None) -> str:
    return "-" if amount is None else show_money(amount)
