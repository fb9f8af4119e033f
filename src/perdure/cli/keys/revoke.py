"""`perdure keys revoke`: a key opens nothing any more."""

from __future__ import annotations

from pathlib import Path

import click

from .. import options
from ..process import complete
from ..project import opened
from ..terminal import note


@click.command("revoke")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.project
def command(names: tuple[str, ...], project: Path | None) -> None:
    """Let keys or sessions open nothing any more.

    A server that runs refuses them from the next request on.
    """

    async def main() -> None:
        async with opened(project, work=False) as runtime:
            for name in names:
                await runtime.revoke_key(name)
                note(f"{name} is revoked.")

    complete(main())
