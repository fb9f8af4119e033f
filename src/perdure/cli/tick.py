"""`perdure tick`: a run of an agent without a message."""

from __future__ import annotations

from pathlib import Path

import click

from . import options
from .exits import DONE
from .following import follow
from .process import Stop, complete
from .project import opened
from .send import report_accepted
from .who import who


@click.command("tick")
@options.agent_id
@options.wait
@options.json("Print one object as `run` does; with --no-wait run_id, agent_id and status.")
@options.project
@click.pass_context
def command(ctx: click.Context, agent_id: str, wait: bool, as_json: bool, project: Path | None) -> None:
    """Begin a run of an agent without a message.

    It is what an alarm or a schedule does. The command waits for the end of the run, as `run` does.
    """

    async def main() -> int:
        with Stop() as stop:
            async with opened(project, work=wait) as runtime:
                run = await runtime.tick(agent_id, who=who())
                if wait:
                    return await follow(runtime, run.id, runtime.wait(run), stop=stop, json=as_json)
                report_accepted(runtime, run, json=as_json)
                return DONE

    ctx.exit(complete(main()))
