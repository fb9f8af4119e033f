"""`perdure agents hibernate`: an agent that sleeps until something comes."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options
from ..process import complete
from ..project import opened
from ..who import who
from .told import tell


@click.command("hibernate")
@options.agent_id
@options.why
@options.json("Print one object: agent_id, spec, status and more.")
@options.project
def command(agent_id: str, why: str, as_json: bool, project: Path | None) -> None:
    """Put an agent to sleep until mail or a timer wakes it.

    Nothing of it stays in memory. Where it is at work, it goes to sleep after that.
    """

    async def main() -> None:
        async with opened(project) as runtime:
            tell(await runtime.change(agent_id, "hibernate", why=why, who=who()), as_json)

    complete(main())
