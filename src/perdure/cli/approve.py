"""`perdure approve`: answer what a run asks."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .deciding import decide, run_of, say


@click.command("approve")
@options.asked
@click.option("--answer", default="approve", metavar="TEXT", show_default=True, help="What to answer.")
@options.key
@options.why
@options.wait
@options.json("Print one object as `run` does.")
@options.project
@click.pass_context
def command(
    ctx: click.Context, which: str, answer: str, key: str, why: str, wait: bool, as_json: bool, project: Path | None
) -> None:
    """Answer what a run asks.

    A run asks a person where its agent calls the tool `ask`, or a tool listed under `approve`. The id of an approval
    stands for one exact question, and is refused where the run asks another one by now.
    """
    ctx.exit(
        decide(
            run_of(which),
            lambda runtime: say(runtime, which, answer, key=key, why=why),
            done="has its answer",
            wait=wait,
            json=as_json,
            project=project,
        )
    )
