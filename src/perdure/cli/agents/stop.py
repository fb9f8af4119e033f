"""`perdure agents stop`: nothing begins for an agent."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options
from ..process import complete
from ..project import opened
from ..who import who
from .told import tell


@click.command("stop")
@options.agent_id
@options.why
@options.json("Print one object: agent_id, spec, status and more.")
@options.project
def command(agent_id: str, why: str, as_json: bool, project: Path | None) -> None:
    """Let nothing begin for an agent; its mail waits.

    What it is at stops between two effects. Only `perdure agents wake` lets it go on.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            tell(await runtime.change(agent_id, "stop", why=why, who=who()), as_json)

    complete(main())
