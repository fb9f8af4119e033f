"""One flow out of several files: presets first, then what it includes, then itself. Of two agents, tools or settings
with one name the later one counts; tasks are put behind each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec

from perdure.agents.config.problems import Problem, guess
from perdure.agents.config.reader import read_file
from perdure.base.errors import InvalidFile

from .grammar import FLOW, FOREIGN_FLOW, FRAGMENT
from .spot import Spot

SUFFIXES = (".flow.yaml", ".flow.yml", ".flow.toml", ".yaml", ".yml")
SHIPPED = Path(str(files("perdure.flows") / "templates"))
DEEPEST = 16
MOST_FILES = 200


class Merged(msgspec.Struct):
    """`own` is the flow's file itself. Everything else is there by name, from wherever it came; `folder` of a spot's
    source is where its relative paths start."""

    own: Spot
    agents: dict[str, Spot] = {}
    vars: dict[str, Spot] = {}
    env: dict[str, Spot] = {}
    tools: list[Spot] = []
    tasks: list[Spot] = []
    problems: list[Problem] = []
    files: int = 1


def real(path: Path) -> Path:
    """The path without links, also where they lead in a circle."""
    return Path(os.path.realpath(path))


def folder_of(spot: Spot) -> Path:
    """Where relative paths of a file start."""
    return Path(spot.source.name).parent


def merge(path: Path) -> Merged:
    """All that the file at `path` and those that it names hold. Raises InvalidFile where it cannot be read at all."""
    source = read_file(path)
    own = Spot(source, (), source.value)
    merged = Merged(own)
    merged.problems += source.problems
    if not isinstance(source.value, dict):
        merged.problems.append(own.problem("expected a mapping of keys" if source.value else "the file is empty"))
        own.value = {}
    _take(merged, own, (real(path),), own=True)
    return merged


def _take(merged: Merged, spot: Spot, above: tuple[Path, ...], *, own: bool = False) -> None:
    for key in ("presets", "include"):
        listed = spot.get(key)
        if listed is None:
            continue
        for entry in [listed] if isinstance(listed.value, str) else listed if isinstance(listed.value, list) else []:
            _include(merged, entry, above, preset=key == "presets")
        if not isinstance(listed.value, str | list):
            merged.problems.append(listed.problem("expected a list of files"))
    known = FLOW if own else FRAGMENT
    for key, inner in spot.items():
        if key in known:
            continue
        if key in FLOW:
            merged.problems.append(
                inner.problem("an included file cannot hold this; it belongs into the flow", key=True)
            )
        else:
            merged.problems.append(inner.problem(f"unknown key{_instead(key, tuple(known))}", key=True))
    for key in ("agents", "vars", "env"):
        found = spot.get(key)
        if found is None:
            continue
        if isinstance(found.value, dict):
            getattr(merged, key).update(found.items())
        else:
            merged.problems.append(found.problem("expected a mapping of names"))
    for key in ("tools", "tasks"):
        found = spot.get(key)
        if found is None:
            continue
        if isinstance(found.value, list):
            getattr(merged, key).extend(found)
        else:
            merged.problems.append(found.problem("expected a list"))


def _include(merged: Merged, entry: Spot, above: tuple[Path, ...], *, preset: bool) -> None:
    if not isinstance(entry.value, str) or not entry.value.strip():
        merged.problems.append(entry.problem("expected the path of a file"))
        return
    path = _preset(entry) if preset else folder_of(entry) / entry.value
    if path is None:
        known = sorted(file.name.partition(".")[0] for file in SHIPPED.glob("*.flow.yaml"))
        merged.problems.append(entry.problem(f"there is no such preset{guess(entry.value, known)}"))
        return
    if real(path) in above:
        merged.problems.append(entry.problem("these files include each other in a circle"))
        return
    if len(above) > DEEPEST:
        merged.problems.append(entry.problem(f"more than {DEEPEST} files that include each other"))
        return
    merged.files += 1
    if merged.files > MOST_FILES:
        if merged.files == MOST_FILES + 1:
            merged.problems.append(entry.problem(f"more than {MOST_FILES} files, counting those that come again"))
        return
    try:
        source = read_file(path)
    except InvalidFile as error:
        merged.problems += _theirs(entry, error)
        return
    merged.problems += source.problems
    spot = Spot(source, (), source.value)
    if isinstance(source.value, dict):
        _take(merged, spot, (*above, real(path)))
    elif source.value is not None:
        merged.problems.append(spot.problem("expected a mapping of keys"))


def _theirs(entry: Spot, error: InvalidFile) -> Iterator[Problem]:
    """What is wrong with an included file: at its own place, or where it is named, if it cannot be read."""
    for problem in error.problems:
        yield problem if problem.line else entry.problem(f"{problem.file}: {problem.what}")


def _preset(entry: Spot) -> Path | None:
    """A preset by path, or by name: next to the file, in a folder `templates` above it, or shipped."""
    name = entry.value
    folder = folder_of(entry).absolute()
    places = [folder, *(above / "templates" for above in (folder, *folder.parents)), SHIPPED]
    for place in places:
        for suffix in ("", *SUFFIXES):
            if os.path.isfile(file := place / f"{name}{suffix}"):
                return file
    return None


def _instead(key: str, known: tuple[str, ...]) -> str:
    instead = FOREIGN_FLOW.get(key)
    return f"; write `{instead}` instead" if instead in known else guess(key, known)
