"""Which project a command is about, its runtime, and how a person would name it again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

from perdure.agents.config.loader import load_project
from perdure.agents.project import find_project_file
from perdure.base.errors import ConfigError
from perdure.control.runtime import Runtime
from perdure.kernel.settings import Settings
from perdure.wiring import open as open_runtime


def folder_of(project: Path | None, file: str = "") -> Path:
    """The folder that was named, or that of the project that `file` belongs to, or this one."""
    if project is not None:
        return project
    found = find_project_file(Path(file).absolute().parent) if file else None
    return found.parent if found is not None else Path()


@asynccontextmanager
async def opened(project: Path | None, *, recover: bool = False, work: bool = True) -> AsyncIterator[Runtime]:
    """The runtime of a project that has run something already; looking at it makes no new one. Where it is not to
    `work`, what is accepted waits for a process that stays."""
    folder = folder_of(project)
    config = load_project(folder, environment=os.environ)
    if config.store.url is None and not config.database.exists():
        raise ConfigError(
            f"nothing has run in {config.root} yet: there is no {config.database}",
            hint="Change to the folder of the project, or name it: --project DIR.",
        )
    async with open_runtime(folder, recover=recover, settings=Settings(recover=recover, work=work)) as runtime:
        yield runtime


def command_line(runtime: Runtime, *words: str) -> str:
    """What to type to do this in the project, from the folder that the person is in."""
    root, here = runtime.project.root.resolve(), Path().resolve()
    own = find_project_file(here)
    shell = import_module("shlex")  # most commands end without naming another
    line: str = shell.join(("perdure", *words))
    if root == (own.parent if own is not None else here):
        return line
    return f"{line} --project {shell.quote(os.path.relpath(root, here))}"
