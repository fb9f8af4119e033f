"""`perdure validate`: everything that is wrong in files, in one pass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from perdure.agents.config.loader import load
from perdure.agents.project import PROJECT_FILES, STATE_FOLDER, find_project_file
from perdure.agents.spec import AgentSpec
from perdure.base.errors import ConfigError, InputError
from perdure.flows.files import is_flow
from perdure.flows.language.loader import load_flow

from . import options
from .errors import plain, tell
from .exits import USAGE
from .json import print_json
from .terminal import paint

_DESCRIBED = (
    *("agents/**/*.yaml", "agents/**/*.yml", "agents/**/*.toml"),
    *("flows/**/*.flow.yaml", "flows/**/*.flow.yml", "flows/**/*.flow.toml"),
)


@click.command("validate")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@options.json("Print a list of objects: file, ok, kind, name, error.")
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Check files, and tell everything that is wrong.

    FILES describe agents, flows or projects, in YAML or TOML; without any, the project file and all of `agents/` and
    `flows/` are checked.
    """
    found = [_check(file) for file in files or files_of_project()]
    if as_json:
        print_json(found)
    else:
        for one in found:
            if one["ok"]:
                click.echo(f"{paint('ok', fg='green')}  {one['file']}  {one['kind']} {one['name']}")
            else:
                tell(one["error"])
    if not all(one["ok"] for one in found):
        ctx.exit(USAGE)


def files_of_project() -> list[Path]:
    """The files of the project that this folder belongs to."""
    project = find_project_file(Path())
    folder = Path() if project is None else Path(os.path.relpath(project.parent))
    found = [folder / name for name in PROJECT_FILES if (folder / name).is_file()]
    for pattern in _DESCRIBED:
        found += sorted(path for path in folder.glob(pattern) if STATE_FOLDER not in path.parts)
    if not found:
        raise InputError("no files to check: there is no project here", hint="Name files: perdure validate FILE…")
    return found


def _check(file: Path) -> dict[str, Any]:
    try:
        if is_flow(file):
            return {"file": str(file), "ok": True, "kind": "flow", "name": load_flow(file, environment=os.environ).name}
        described = load(file, environment=os.environ)
    except ConfigError as error:
        return {"file": str(file), "ok": False, "error": plain(error.as_dict())}
    kind = "project"
    if isinstance(described, AgentSpec):
        kind = "agent" if described.team is None else "team"
    return {"file": str(file), "ok": True, "kind": kind, "name": described.name}
