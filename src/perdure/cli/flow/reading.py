"""Flows that a command line names."""

from __future__ import annotations

import os
from pathlib import Path

import click

from perdure.agents.project import find_project_file
from perdure.base.errors import InputError
from perdure.flows.files import SUFFIXES, is_flow
from perdure.flows.language.loader import load_flow
from perdure.flows.spec import FlowSpec

file = click.argument("file", type=click.Path(path_type=Path))
files = click.argument("files", nargs=-1, type=click.Path(path_type=Path))


def read(path: Path) -> FlowSpec:
    """The flow in a file, or the only one in a folder. Raises what is wrong with it."""
    if os.path.isdir(path):
        found = flows_in(path)
        if len(found) != 1:
            what = f"{len(found)} flows" if found else "no flow"
            raise InputError(f"{path}: there is {what} in this folder", hint="Name the file of a flow.")
        path = found[0]
    if not is_flow(path):
        raise InputError(f"{path}: the file of a flow ends in {SUFFIXES[0]}")
    return load_flow(path, environment=os.environ)


def chosen(files: tuple[Path, ...]) -> list[Path]:
    """The files that were named, those in folders that were named, or those of the project."""
    if not files:
        project = find_project_file(Path())
        folder = Path() if project is None else Path(os.path.relpath(project.parent))
        found = [*flows_in(folder), *flows_in(folder / "flows")]
        if not found:
            raise InputError("no flows here", hint="Name files, or put them into the folder `flows`.")
        return found
    return [one for path in files for one in (_within(path) if os.path.isdir(path) else [path])]


def _within(folder: Path) -> list[Path]:
    found = flows_in(folder)
    if not found:
        raise InputError(f"{folder}: there is no flow in this folder", hint="Name the file of a flow.")
    return found


def flows_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if is_flow(path))
