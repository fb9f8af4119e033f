"""`perdure agents wake`: an agent works again."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options
from ..process import complete
from ..project import opened
from ..who import who
from .told import tell


@click.command("wake")
@options.agent_id
@options.why
@options.json("Print one object: agent_id, spec, status and more.")
@options.project
def command(agent_id: str, why: str, as_json: bool, project: Path | None) -> None:
    """Let an agent work that sleeps, was stopped, or has failed.

    What it was at goes on where it stopped, here and now where this process can.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            tell(await runtime.change(agent_id, "wake", why=why, who=who()), as_json)

    complete(main())
