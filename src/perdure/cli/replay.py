"""`perdure replay`: a run executed again against its journal."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.control.replaying import Replay

from . import options
from .errors import plain
from .exits import DONE, FAILED
from .json import print_json
from .outcome import text_of
from .process import complete
from .project import opened
from .terminal import paint


@click.command("replay")
@options.run_id
@options.json("Print one object: run_id, verdict, key, recorded, now, records, changed_tools.")
@options.project
@click.pass_context
def command(ctx: click.Context, run_id: str, as_json: bool, project: Path | None) -> None:
    """Execute a run again against its journal, touching nothing.

    Its effects are answered from the journal. Says where the run would go another way now, with exit code 1.
    """

    async def main() -> int:
        async with opened(project) as runtime:
            return _tell(await runtime.replay(run_id), as_json)

    ctx.exit(complete(main()))


def _tell(replay: Replay, as_json: bool) -> int:
    if as_json:
        print_json(plain(replay))
    else:
        _tell_people(replay)
    return FAILED if replay.verdict == "diverges" else DONE


def _tell_people(replay: Replay) -> None:
    match replay.verdict:
        case "same":
            click.echo(f"{paint('same', fg='green')}: {replay.records} records lead to the same end")
        case "goes on":
            click.echo(f"same so far: the journal ends at {replay.key or 'its last record'}, where the run goes on")
        case "diverges":
            click.echo(f"{paint('diverges', fg='red')} at {replay.key or 'its end'}")
            click.echo(f"  recorded: {text_of(replay.recorded)}")
            click.echo(f"  now:      {text_of(replay.now)}")
    if replay.changed_tools:
        click.echo(f"  tools that changed since: {', '.join(replay.changed_tools)}")
