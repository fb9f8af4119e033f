"""`perdure deny`: refuse what a run asks to do."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .deciding import decide, run_of, say


@click.command("deny")
@options.asked
@options.key
@options.why
@options.wait
@options.json("Print one object as `run` does.")
@options.project
@click.pass_context
def command(
    ctx: click.Context, which: str, key: str, why: str, wait: bool, as_json: bool, project: Path | None
) -> None:
    """Refuse what a run asks to do.

    The agent is told so, and goes on without it.
    """
    ctx.exit(
        decide(
            run_of(which),
            lambda runtime: say(runtime, which, "deny", key=key, why=why),
            done="was denied it",
            wait=wait,
            json=as_json,
            project=project,
        )
    )
