"""`perdure pause`: let nothing new begin in a run."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .json import print_json
from .outcome import object_of
from .process import complete
from .project import opened
from .who import who


@click.command("pause")
@options.run_id
@options.json("Print the run as one object.")
@options.project
def command(run_id: str, as_json: bool, project: Path | None) -> None:
    """Let nothing new begin in a run.

    What is under way is finished first. `perdure resume` goes on.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            result = await runtime.pause(run_id, who=who())
            if as_json:
                print_json(object_of(result))
            else:
                click.echo(f"{result.run_id} is {result.status}")

    complete(main())
