"""`perdure keys list`: the keys that the server lets in."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from perdure.control.keys import Key

from .. import options
from ..json import print_json
from ..process import complete
from ..project import opened
from ..table import Column, print_table
from ..terminal import hint
from ..times import show_time

COLUMNS = tuple(map(Column, ("NAME", "WHO", "SCOPES", "CREATED", "LAST USED", "EXPIRES")))


@click.command("list")
@options.json("Print a list of objects: id, name, kind, scopes, created_at, last_used_at, expires_at and more.")
@options.project
def command(as_json: bool, project: Path | None) -> None:
    """List keys and sessions of browsers.

    When they were last used is known to the minute.
    """

    async def main() -> tuple[list[Key], int]:
        async with opened(project, work=False) as runtime:
            return await runtime.keys(), runtime.clock.now()

    found, now = complete(main())
    if as_json:
        print_json(msgspec.to_builtins(found))
    elif found:
        print_table(COLUMNS, [_row(key, now) for key in found])
    else:
        hint("No keys. Make one: perdure keys add NAME --scope read")


def _row(key: Key, now: int) -> tuple[str, ...]:
    expires = "expired" if key.has_expired(now) else show_time(key.expires_at or 0)
    used = show_time(key.last_used_at or 0)
    return key.id, key.name, ",".join(key.scopes), show_time(key.created_at), used, expires
