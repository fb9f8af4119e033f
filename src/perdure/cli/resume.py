"""`perdure resume`: go on with one run, or with all that were interrupted."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .following import follow
from .process import Stop, complete
from .project import opened
from .resuming import resume_all


@click.command("resume")
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--all", "every", is_flag=True, help="Go on with every run whose process is gone.")
@click.option("--watch", is_flag=True, help="With --all: stay, and take over runs that are interrupted later.")
@click.option("--stream", is_flag=True, help="Print the answer as it comes (to stderr with --json).")
@options.json("Print one object as `run` does; with --all one object for each run, a line each.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    run_id: str | None,
    every: bool,
    watch: bool,
    stream: bool,
    as_json: bool,
    project: Path | None,
) -> None:
    """Go on with a run, or with all that were interrupted.

    RUN is a run's id or the beginning of one. A run that was interrupted goes on where it stopped, one that yielded
    or failed gets new limits, one that was paused is let go; one that waits says what for.
    """
    if (run_id is None) != every or (watch and not every):
        raise click.UsageError("give one RUN, or --all (with --watch to stay)")

    async def main() -> int:
        with Stop() as stop:
            async with opened(project, recover=every) as runtime:
                if run_id is None:
                    return await resume_all(runtime, stop=stop, watch=watch, json=as_json)
                rest = runtime.resume(run_id)
                return await follow(runtime, run_id, rest, stop=stop, json=as_json, stream=stream)

    ctx.exit(complete(main(), many=every))
