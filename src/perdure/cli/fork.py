"""`perdure fork`: a new run that goes its own way from a key on."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .following import follow
from .process import Stop, complete
from .project import opened


@click.command("fork")
@options.run_id
@click.option(
    "--at",
    required=True,
    metavar="KEY",
    help="The first key, or step of a flow, to do anew; see `perdure trace`.",
)
@click.option(
    "--with",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Go on as this file says, such as the flow as it was edited since.",
)
@options.overrides
@click.option("--live", is_flag=True, help="Let it do what changes something outside; without it such a step fails.")
@options.json("Print one object as `run` does.")
@options.project
@click.pass_context
def command(
    ctx: click.Context,
    run_id: str,
    at: str,
    file: Path | None,
    overrides: tuple[str, ...],
    live: bool,
    as_json: bool,
    project: Path | None,
) -> None:
    """Begin a new run that shares the records before a key.

    The new run belongs to an agent of its own; the old one stays as it is.
    """

    target = None if file is None else file.absolute()

    async def main() -> int:
        with Stop() as stop:
            async with opened(project) as runtime:
                run = await runtime.fork(run_id, at, overrides=overrides, live=live, target=target)
                return await follow(runtime, run.id, runtime.wait(run), stop=stop, json=as_json)

    ctx.exit(complete(main()))
