"""`perdure cancel`: end a run and its children."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .json import print_json
from .outcome import object_of
from .process import complete
from .project import opened
from .who import who


@click.command("cancel")
@options.run_id
@options.json("Print the run as one object.")
@options.project
def command(run_id: str, as_json: bool, project: Path | None) -> None:
    """End a run and its children.

    Tools under way are cancelled. What was done stays done, and on record.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            result = await runtime.cancel(run_id, who=who())
            if as_json:
                print_json(object_of(result))
            else:
                click.echo(f"{result.run_id} is {result.status}")

    complete(main())
