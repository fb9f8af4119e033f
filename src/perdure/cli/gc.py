"""`perdure gc`: free what nothing refers to."""

from __future__ import annotations

from pathlib import Path

import click

from perdure.base.duration import parse_duration
from perdure.control.cleaning import Cleaned

from . import options
from .errors import plain
from .json import print_json
from .process import complete
from .project import opened
from .terminal import note


@click.command("gc")
@click.option("--older-than", metavar="AGE", help="Delete runs too that ended longer ago than this: 12h, 30d.")
@options.json("Print one object: runs, agents, blobs, specs, bytes, workers, kept.")
@options.project
def command(older_than: str | None, as_json: bool, project: Path | None) -> None:
    """Free what nothing refers to any more.

    Removes payloads and specs that no run names, and forgets workers that are gone.
    """
    older_than_ms = None if older_than is None else parse_duration(older_than)

    async def main() -> None:
        async with opened(project) as runtime:
            _tell(await runtime.gc(older_than_ms=older_than_ms), as_json)

    complete(main())


def _tell(gone: Cleaned, as_json: bool) -> None:
    if as_json:
        print_json(plain(gone))
        return
    freed = f"{gone.bytes / 1_048_576:.1f} MiB" if gone.bytes >= 1_048_576 else f"{gone.bytes:,} bytes"
    click.echo(f"{gone.runs} runs, {gone.agents} agents, {gone.blobs} blobs, {gone.specs} specs: {freed}")
    for kept in gone.kept:
        note(f"kept {kept}")
