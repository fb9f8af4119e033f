"""What is installed: one entry for each distribution that Python finds, read from its metadata."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import msgspec


class Package(msgspec.Struct, frozen=True):
    """One installed distribution. `size` is bytes on disk, None where no list of its files was installed with it;
    `licence_files` are paths. The licence fields are as its author wrote them."""

    name: str
    version: str
    folder: str
    size: int | None
    files: int
    expression: str = ""
    licence: str = ""
    classifiers: tuple[str, ...] = ()
    licence_files: tuple[str, ...] = ()


def installed(path: list[str] | None = None) -> list[Package]:
    """Every distribution on `path` (that of this interpreter), by name. The same one seen twice is listed once."""
    found = distributions() if path is None else distributions(path=path)
    once = {(package.name, package.version, package.folder): package for package in map(_read, found)}
    return sorted(once.values(), key=lambda package: (normal(package.name), package.version, package.folder))


def normal(name: str) -> str:
    """The name by which two spellings are known to be the same distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(found: Distribution) -> Package:
    metadata = found.metadata

    def stated(field: str) -> tuple[str, ...]:
        return tuple(metadata.get_all(field) or ())

    folder = str(Path(str(found.locate_file(""))).resolve())
    files = [os.path.join(folder, str(file)) for file in found.files or ()]
    sizes = list(_sizes(files))
    licence_files = set(stated("License-File"))
    return Package(
        "".join(stated("Name")[:1]),
        "".join(stated("Version")[:1]),
        folder,
        sum(sizes) if sizes else None,
        len(files),
        "".join(stated("License-Expression")[:1]),
        "".join(stated("License")[:1]),
        tuple(one for one in stated("Classifier") if one.startswith("License ::")),
        tuple(file for file in files if _is_licence(file, licence_files))[:5],
    )


def _is_licence(file: str, stated: set[str]) -> bool:
    folder, _, name = file.rpartition("/")
    inside = ".dist-info" in folder or ".egg-info" in folder
    return inside and (name in stated or re.match(r"(?i)(un)?licen[cs]e|copying", name) is not None)


def _sizes(files: Iterable[str]) -> Iterator[int]:
    for file in files:
        try:
            yield os.stat(file).st_size
        except OSError:
            continue  # listed and not there: what is not on disk takes no room
