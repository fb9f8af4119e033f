"""`perdure send`: a message to an agent that there is."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.runtime import Runtime
from perdure.kernel.store.rows import RunRow

from . import options
from .exits import DONE
from .following import follow
from .json import print_json
from .process import Stop, complete
from .project import command_line, opened
from .run import input_of
from .terminal import hint
from .who import who


@click.command("send")
@options.agent_id
@click.argument("text")
@click.option("--wait", is_flag=True, help="Work at it here, and wait for the answer as `run` does.")
@click.option("--stream", is_flag=True, help="With --wait: print the answer as it comes (to stderr with --json).")
@options.json("Print one object: run_id, agent_id, status; with --wait that of `run`.")
@options.project
@click.pass_context
def command(
    ctx: click.Context, agent_id: str, text: str, wait: bool, stream: bool, as_json: bool, project: Path | None
) -> None:
    """Send a message to an agent that there is.

    TEXT is the message; `-` reads it from standard input. It is on disk when the command ends, and whatever process
    works for the project sees to it: `perdure resume --all --watch` does. The id of its run is printed.
    """
    if stream and not wait:
        raise click.UsageError("--stream needs --wait")
    said = input_of(text, None)

    async def main() -> int:
        with Stop() as stop:
            async with opened(project, work=wait) as runtime:
                run = await runtime.send(agent_id, said, who=who())
                if wait:
                    return await follow(runtime, run.id, runtime.wait(run), stop=stop, json=as_json, stream=stream)
                report_accepted(runtime, run, json=as_json)
                return DONE

    ctx.exit(complete(main()))


def report_accepted(runtime: Runtime, run: RunRow, *, json: bool) -> None:
    """Say which run it will be, that nobody waits for here."""
    if json:
        print_json({"run_id": run.id, "agent_id": run.agent_id, "status": run.status})
    else:
        click.echo(run.id)
    hint(f"Accepted. Work at it here with: {command_line(runtime, 'resume', run.id)}")
