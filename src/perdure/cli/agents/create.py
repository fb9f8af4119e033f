"""`perdure agents create`: an agent, without a message to it."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.wiring import open as open_runtime

from .. import options
from ..process import complete
from ..project import folder_of
from ..who import who
from .told import tell


@click.command("create")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--agent", metavar="ID", help="What the agent is called. [default: the name in its file]")
@options.overrides
@options.json("Print one object: agent_id, spec, status and more.")
@options.project
def command(file: str, agent: str | None, overrides: tuple[str, ...], as_json: bool, project: Path | None) -> None:
    """Make an agent without sending it a message.

    A Python agent's `on_create` runs now; what wakes the agent by its file does so from now on.
    """
    path = Path(file).absolute()

    async def main() -> None:
        async with open_runtime(folder_of(project, file)) as runtime:
            tell(await runtime.create(path, agent=agent, overrides=overrides, who=who()), as_json)

    complete(main())
