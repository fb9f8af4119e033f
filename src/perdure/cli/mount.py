"""`perdure mount`: the namespace as a folder of this machine."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.base.lazy import load

from . import options
from .exits import DONE
from .process import Stop, Stopped, complete
from .project import opened
from .terminal import note

MOUNTED = "perdure.adapters.fuse.mount:mounted"


@click.command("mount")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--agent", metavar="ID", help="Show what this agent reaches itself, with its rights.")
@options.project
@click.pass_context
def command(ctx: click.Context, folder: Path, agent: str | None, project: Path | None) -> None:
    """Show the namespace as a folder of this machine.

    It is there until Ctrl-C. DIR is an empty directory. `ls`, `cat`, `tail -f`, `echo >` and every other program then
    use what `perdure ls`, `cat`, `watch` and `write` do; what is delivered in there is worked at by this process. Needs
    the extra `fuse` and libfuse.
    """

    async def main() -> int:
        with Stop(said="") as stop:
            async with opened(project) as runtime:
                namespace = runtime.namespace if agent is None else await runtime.namespace_of(agent)
                async with load(MOUNTED)(namespace.service, folder, clock=runtime.clock, told=note) as gone:
                    what = "the namespace" if agent is None else f"what {agent} reaches"
                    note(f"{folder} shows {what}. Ctrl-C unmounts.")
                    try:
                        await stop.unless(gone.wait())
                    except Stopped:
                        pass
                return DONE

    ctx.exit(complete(main()))
