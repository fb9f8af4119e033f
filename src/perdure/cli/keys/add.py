"""`perdure keys add`: a key for the server."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from perdure.base.duration import parse_duration
from perdure.control.keys import NewKey
from perdure.control.principal import SCOPES
from perdure.kernel.settings import Settings
from perdure.wiring import open as open_runtime

from .. import options
from ..json import print_json
from ..process import complete
from ..project import folder_of
from ..terminal import hint
from ..who import who


@click.command("add")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="May be given often.")
@click.option("--expires", metavar="TIME", help="Good for so long: 12h, 30d. [default: until it is revoked]")
@click.option("--pubkey", default="", metavar="HEX", help="Let in requests signed by an agent's key instead.")
@options.json("Print one object: key, secret.")
@options.project
def command(
    name: str, scopes: tuple[str, ...], expires: str | None, pubkey: str, as_json: bool, project: Path | None
) -> None:
    """Make a key for the server, and print it.

    `read` sees everything, `send` gives agents work, `approve` answers what they ask, `admin` does all there is. The
    key is printed this once: what is kept is a hash. A server that runs knows it at once.
    """
    lasts = parse_duration(expires) if expires else None

    async def main() -> NewKey:
        async with open_runtime(folder_of(project), settings=Settings(work=False)) as runtime:
            return await runtime.add_key(name, scopes, expires_in_ms=lasts, pubkey=pubkey, who=who())

    made = complete(main())
    if as_json:
        print_json(msgspec.to_builtins(made))
    elif made.secret:
        click.echo(made.secret)
    if made.secret:
        hint("Keep it: it is not shown again.")
