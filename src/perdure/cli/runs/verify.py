"""`perdure runs verify`: is the journal as it was written?"""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.verifying import Verification

from .. import options
from ..errors import plain
from ..exits import DONE, FAILED
from ..json import print_json
from ..process import complete
from ..project import opened
from ..terminal import paint


@click.command("verify")
@click.argument("target", metavar="[RUN|AGENT]", required=False)
@options.json("Print one object: ok, agents, records, problems.")
@options.project
@click.pass_context
def command(ctx: click.Context, target: str | None, as_json: bool, project: Path | None) -> None:
    """Check that the journal is as it was written.

    Every agent's records form a chain of hashes. Tells each record that was changed, is missing or stands in another
    place, with exit code 1. Without a target all agents are checked.
    """

    async def main() -> int:
        async with opened(project) as runtime:
            return _tell(await runtime.verify(target), as_json)

    ctx.exit(complete(main()))


def _tell(found: Verification, as_json: bool) -> int:
    if as_json:
        print_json({"ok": found.ok, **plain(found)})
    else:
        for problem in found.problems:
            click.echo(f"{paint(problem.agent_id, fg='red')}: {problem.what}")
        head = paint("ok", fg="green") if found.ok else paint(f"{len(found.problems)} problems", fg="red")
        click.echo(f"{head}: {found.records:,} records of {found.agents:,} agents")
    return DONE if found.ok else FAILED
