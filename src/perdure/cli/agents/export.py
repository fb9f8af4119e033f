"""`perdure agents export`: an agent as a file."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.base.codec import digest_bytes

from .. import options
from ..files import write_whole
from ..json import print_json
from ..process import complete
from ..project import opened


@click.command("export")
@options.agent_id
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="[default: ID.tar.gz]")
@click.option("--force", is_flag=True, help="Replace the file where there is one.")
@options.json("Print one object: agent_id, file, bytes, digest.")
@options.project
def command(agent_id: str, output: Path | None, force: bool, as_json: bool, project: Path | None) -> None:
    """Write an agent to a file.

    In it are journal, state, mail, values, timers and budgets, but not its keys. The file has the same bytes for as
    long as the agent does not change.
    """
    path = output or Path(f"{agent_id}.tar.gz")
    if path.exists() and not force:
        raise click.UsageError(f"{path} is there already; --force replaces it")

    async def main() -> None:
        async with opened(project) as runtime:
            data = await runtime.export_agent(agent_id)
            write_whole(path, data)
            if as_json:
                print_json({"agent_id": agent_id, "file": str(path), "bytes": len(data), "digest": digest_bytes(data)})
            else:
                click.echo(f"{path}: {len(data):,} bytes")

    complete(main())
