"""Published agents and flows: what files in the project's folders `agents` and `flows` describe, found by name and
kept until they change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from perdure.agents.project import STATE_FOLDER
from perdure.agents.spec import AgentSpec, document_digest
from perdure.base.errors import ConfigError, SpecNotFound
from perdure.flows.files import is_flow

from .deploying import AGENT_FILES

if TYPE_CHECKING:
    from pathlib import Path

    from perdure.flows.spec import FlowSpec

    from .runtime import Runtime

Stamp: TypeAlias = tuple[int, int]
"""Time of the last change in ns and size in bytes of a file."""


class Published(msgspec.Struct, frozen=True):
    """A published agent or flow. `file` is relative to the project. `problem` is what is wrong with the file as it
    stands now: the agent stays what it was before; one that never was right has no `digest`."""

    name: str
    file: str
    description: str = ""
    version: str = ""
    model: str = ""
    digest: str = ""
    problem: str = ""
    kind: Literal["agent", "flow"] = "agent"


class Shelf:
    """The published agents and flows of a runtime. A file is read again when it has changed; a bad one leaves what it
    was."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._files: dict[Path, _File] = {}
        self._names: dict[str, Path] = {}

    def agent(self, name: str) -> AgentSpec:
        """The agent that is published under this name. Raises SpecNotFound."""
        spec = self.spec(name)
        if not isinstance(spec, AgentSpec):
            raise SpecNotFound(f"{name!r} is published as a flow, and no agent", spec=name)
        return spec

    def spec(self, name: str) -> AgentSpec | FlowSpec:
        """What is published under this name. Raises SpecNotFound."""
        file = self._files.get(self._names.get(name, self._runtime.project.root))
        if file is None or file.stamp != _stamp(file.path):
            self._look()
            file = self._files.get(self._names.get(name, self._runtime.project.root))
        if file is None or file.spec is None:
            raise SpecNotFound(f"no agent is published as {name!r}", spec=name)
        return file.spec

    def all(self) -> list[Published]:
        """All of them, by name, files that are wrong included."""
        self._look()
        return sorted((self._show(file) for file in self._files.values()), key=lambda one: (one.name, one.file))

    def _look(self) -> None:
        root = self._runtime.project.root
        found: dict[Path, _File] = {}
        agents = (path for path in sorted((root / "agents").rglob("*")) if AGENT_FILES.fullmatch(path.name))
        flows = (path for path in sorted((root / "flows").rglob("*")) if is_flow(path))
        for path in (*agents, *flows):
            if STATE_FOLDER not in path.relative_to(root).parts and path.is_file():
                known = self._files.get(path)
                stamp = _stamp(path)
                found[path] = known if known is not None and known.stamp == stamp else self._read(path, stamp, known)
        self._files = found
        self._names = {}
        for path, file in found.items():
            if file.spec is not None:
                self._names.setdefault(file.spec.name, path)

    def _read(self, path: Path, stamp: Stamp | None, known: _File | None) -> _File:
        try:
            return _File(path, stamp, self._runtime.library.definition(path))
        except ConfigError as error:
            return _File(path, stamp, known.spec if known is not None else None, error.message)

    def _show(self, file: _File) -> Published:
        shown, spec = file.path.relative_to(self._runtime.project.root).as_posix(), file.spec
        if spec is None:
            kind: Literal["agent", "flow"] = "flow" if is_flow(file.path) else "agent"
            return Published(file.path.name.partition(".")[0], shown, problem=file.problem, kind=kind)
        problem = file.problem
        if not problem and self._names[spec.name] != file.path:
            problem = f"{self._names[spec.name].name} publishes an agent of this name already"
        digest = document_digest(self._runtime.library.document(spec))
        if not isinstance(spec, AgentSpec):
            return Published(
                spec.name, shown, spec.description, spec.version, digest=digest, problem=problem, kind="flow"
            )
        model = spec.model if isinstance(spec.model, str) else spec.model.full_name if spec.model is not None else ""
        return Published(spec.name, shown, spec.description, spec.version or "", model, digest, problem)


class _File(msgspec.Struct, frozen=True):
    path: Path
    stamp: Stamp | None
    spec: AgentSpec | FlowSpec | None
    problem: str = ""


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
