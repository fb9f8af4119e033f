"""`perdure flow check`: everything that is wrong with flows, in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from perdure.base.errors import ConfigError, InputError

from .. import options
from ..errors import plain, tell
from ..exits import USAGE
from ..json import print_json
from ..terminal import paint
from .reading import chosen, files, read


@click.command("check")
@files
@options.json("Print a list of objects: file, ok, name, steps, error.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Tell everything that is wrong with flows, before they run.

    FILES are flows, or folders of them; without any, those of the project are checked.
    """
    found = [_check(file) for file in chosen(files)]
    if as_json:
        print_json(found)
    else:
        for one in found:
            if one["ok"]:
                click.echo(f"{paint('ok', fg='green')}  {one['file']}  flow {one['name']}, {one['steps']} steps")
            else:
                tell(one["error"])
    if not all(one["ok"] for one in found):
        ctx.exit(USAGE)


def _check(file: Path) -> dict[str, Any]:
    try:
        spec = read(file)
    except (ConfigError, InputError) as error:
        return {"file": str(file), "ok": False, "error": plain(error.as_dict())}
    return {"file": str(file), "ok": True, "name": spec.name, "steps": sum(1 for _ in spec.plan.walk())}
