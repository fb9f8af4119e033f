"""`perdure approve`: answer what a run asks."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .deciding import decide
from .who import who


@click.command("approve")
@options.run_id
@click.option("--answer", default="approve", metavar="TEXT", show_default=True, help="What to answer.")
@options.key
@options.wait
@options.json("Print one object as `run` does.")
@options.project
@click.pass_context
def command(
    ctx: click.Context, run_id: str, answer: str, key: str, wait: bool, as_json: bool, project: Path | None
) -> None:
    """Answer what a run asks.

    A run asks a person where its agent calls the tool `ask`, or a tool listed under `approve`.
    """
    ctx.exit(
        decide(
            run_id,
            lambda runtime: runtime.approve(run_id, answer, key=key, who=who()),
            done="has its answer",
            wait=wait,
            json=as_json,
            project=project,
        )
    )
