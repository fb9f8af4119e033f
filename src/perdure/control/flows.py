"""Published flows: what files in the project's folder `flows` describe, found by name and kept until they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perdure.agents.project import STATE_FOLDER
from perdure.agents.spec import document_digest
from perdure.base.errors import ConfigError, SpecNotFound
from perdure.flows.files import is_flow

from .publishing import Published, Stamp, stamp_of

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.flows.spec import FlowSpec

    from .runtime import Runtime


class FlowShelf:
    """The published flows of a runtime. A file is read again when it has changed; a bad one leaves what it was."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._files: dict[Path, _File] = {}

    def flow(self, name: str) -> FlowSpec:
        """The flow that is published under this name. Raises SpecNotFound."""
        found = (file.spec for file in self._look() if file.spec is not None and file.spec.name == name)
        spec = next(found, None)
        if spec is None:
            raise SpecNotFound(f"nothing is published as {name!r}", spec=name)
        return spec

    def all(self) -> list[Published]:
        """All of them, by name, files that are wrong included."""
        return sorted(map(self._show, self._look()), key=lambda one: (one.name, one.file))

    def specs(self) -> list[tuple[str, FlowSpec]]:
        """What is published, with its files."""
        root = self._runtime.project.root
        return [(file.path.relative_to(root).as_posix(), file.spec) for file in self._look() if file.spec is not None]

    def _look(self) -> list[_File]:
        found: dict[Path, _File] = {}
        root = self._runtime.project.root
        for path in sorted((root / "flows").rglob("*")):
            if is_flow(path) and STATE_FOLDER not in path.relative_to(root).parts and path.is_file():
                known, stamp = self._files.get(path), stamp_of(path)
                found[path] = known if known is not None and known.stamp == stamp else self._read(path, stamp, known)
        self._files = found
        return list(found.values())

    def _read(self, path: Path, stamp: Stamp | None, known: _File | None) -> _File:
        try:
            return _File(path, stamp, self._runtime.library.definition(path))
        except ConfigError as error:
            return _File(path, stamp, None if known is None else known.spec, error.message)

    def _show(self, file: _File) -> Published:
        shown, spec = file.path.relative_to(self._runtime.project.root).as_posix(), file.spec
        if spec is None:
            return Published(file.path.name.partition(".")[0], shown, problem=file.problem, kind="flow")
        digest = document_digest(spec.document)
        return Published(
            spec.name, shown, spec.description, spec.version, digest=digest, problem=file.problem, kind="flow"
        )


class _File(msgspec.Struct, frozen=True):
    path: Path
    stamp: Stamp | None
    spec: FlowSpec | None
    problem: str = ""
