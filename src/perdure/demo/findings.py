"""What an audit finds, as values: short enough for a model to read, however much is installed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from .licences import Kind, kind_of, licence_of
from .packages import Package, normal

SHOWN = 40
"""Findings of one kind that are told one by one; the rest are counted."""


class Inventory(msgspec.Struct, frozen=True):
    """`file` holds the packages, relative to the agent's folder."""

    packages: int
    python: str
    file: str


class Duplicate(msgspec.Struct, frozen=True):
    """A distribution installed more than once; `places` are pairs of version and folder."""

    name: str
    places: tuple[tuple[str, str], ...]


class Duplicates(msgspec.Struct, frozen=True):
    count: int
    found: tuple[Duplicate, ...]


class Licence(msgspec.Struct, frozen=True):
    """`licence` is what the metadata names, or, where it names none, what the licence file holds."""

    name: str
    licence: str
    kind: Kind


class Licences(msgspec.Struct, frozen=True):
    """The counts are of all, also of those that are not told one by one."""

    missing_count: int
    copyleft_count: int
    missing: tuple[Licence, ...]
    copyleft: tuple[Licence, ...]


class Sized(msgspec.Struct, frozen=True):
    name: str
    size: int


class Sizes(msgspec.Struct, frozen=True):
    """Bytes on disk. `unknown` counts packages that list no files."""

    total: int
    largest: tuple[Sized, ...]
    unknown: int = 0


def duplicates_in(packages: Sequence[Package]) -> Duplicates:
    places: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for package in packages:
        places[normal(package.name)].append((package.version, package.folder))
    found = [Duplicate(name, tuple(at)) for name, at in places.items() if name and len(at) > 1]
    return Duplicates(len(found), tuple(found[:SHOWN]))


def licences_in(packages: Sequence[Package], look: Callable[[Package], str]) -> Licences:
    """`look` gives the licence that a package's licence file holds, for those whose metadata names none."""
    missing, copyleft = [], []
    for package in packages:
        name = f"{package.name or '(no name)'} {package.version}".strip()
        licence = licence_of(package)
        kind = kind_of(licence)
        if kind == "missing":
            missing.append(Licence(name, look(package), kind))
        elif kind != "permissive":
            copyleft.append(Licence(name, licence, kind))
    return Licences(len(missing), len(copyleft), tuple(missing[:SHOWN]), tuple(copyleft[:SHOWN]))


def sizes_in(packages: Sequence[Package], count: int) -> Sizes:
    known = [
        Sized(f"{package.name} {package.version}", package.size) for package in packages if package.size is not None
    ]
    largest = sorted(known, key=lambda one: -one.size)[:count]
    return Sizes(sum(one.size for one in known), tuple(largest), len(packages) - len(known))
