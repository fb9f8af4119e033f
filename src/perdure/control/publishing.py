"""Published agents: what files in the project's folder `agents` describe, found by name and kept until they change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from perdure.agents.lifecycle import rules_of
from perdure.agents.project import STATE_FOLDER
from perdure.agents.spec import AgentSpec, spec_digest
from perdure.base.errors import ConfigError, PerdureError, SpecNotFound
from perdure.flows.files import is_flow

from .deploying import AGENT_FILES, deploy

if TYPE_CHECKING:
    from pathlib import Path

    from .runtime import Runtime

Stamp: TypeAlias = tuple[int, int, int]
"""Time of the last change in ns, size in bytes and number of a file."""


class Published(msgspec.Struct, frozen=True):
    """A published agent or flow. `file` is relative to the project. `problem` is what is wrong with the file as it
    stands now: it stays what it was before; one that never was right has no `digest`."""

    name: str
    file: str
    description: str = ""
    version: str = ""
    model: str = ""
    digest: str = ""
    problem: str = ""
    kind: Literal["agent", "flow"] = "agent"


class Update(msgspec.Struct, frozen=True):
    """What became of a file that changed. It is published as `new` now, None where it is gone; where there is a
    `problem` it stays what it was. `restart`: the change counts when the process begins anew."""

    file: str
    old: AgentSpec | None
    new: AgentSpec | None
    problem: str = ""
    restart: bool = False


class Shelf:
    """The published agents of a runtime, with those of `more` files outside of `agents`. A file is read again when it
    has changed: when its agent is asked for, or where somebody watches (`is_watched`) when that one says so. A bad file
    leaves what it was."""

    def __init__(self, runtime: Runtime) -> None:
        self.more: list[Path] = []
        self.is_watched = False
        self._runtime = runtime
        self._files: dict[Path, _File] = {}
        self._names: dict[str, Path] = {}
        self._of_digest: dict[str, str] = {}

    def spec(self, name: str) -> AgentSpec:
        """The agent that is published under this name. Raises SpecNotFound."""
        file = self._find(name)
        if not self._files or not (self.is_watched or (file is not None and file.stamp == stamp_of(file.path))):
            self.look()
            file = self._find(name)
        if file is None or file.spec is None:
            raise SpecNotFound(f"no agent is published as {name!r}", spec=name)
        return file.spec

    async def follows(self, digest: str) -> AgentSpec | None:
        """What is published now in place of the definition with this digest, None where nothing else is."""
        name = self._of_digest.get(digest)
        if name is None:
            name = self._of_digest[digest] = (await self._runtime.library.stored(digest)).name
        try:
            spec = self.spec(name)
        except SpecNotFound:
            return None
        return spec if spec_digest(spec) != digest else None

    def all(self) -> list[Published]:
        """All of them, by name, files that are wrong included."""
        if not (self.is_watched and self._files):
            self.look()
        return sorted((self._show(file) for file in self._files.values()), key=lambda one: (one.name, one.file))

    def specs(self) -> list[tuple[Path, AgentSpec]]:
        """What is published, with its files."""
        return [(self._names[name], file.spec) for name in self._names if (file := self._find(name)) and file.spec]

    def files(self) -> Iterator[Path]:
        """The files that describe agents, as they are on disk now."""
        root = self._runtime.project.root
        for path in (*sorted((root / "agents").rglob("*")), *self.more):
            hidden = path.is_relative_to(root) and STATE_FOLDER in path.relative_to(root).parts
            if AGENT_FILES.fullmatch(path.name) and not is_flow(path) and not hidden and path.is_file():
                yield path

    def look(self, *, force: bool = False) -> list[Update]:
        """Read what has changed; with `force` also what is to be left alone, or to wait for a restart."""
        updates: list[Update] = []
        found: dict[Path, _File] = {}
        for path in self.files():
            known, stamp = self._files.get(path), stamp_of(path)
            if known is not None and (known.stamp == stamp and not (force and known.waits)):
                found[path] = known
                continue
            found[path], update = self._read(path, stamp, known, force)
            updates += [update] if update is not None else []
        for path, file in self._files.items():
            if path not in found:
                updates.append(Update(self.shown(path), file.spec, None))
        self._files = found
        self._names = {}
        for path, file in found.items():
            if file.spec is not None:
                self._names.setdefault(file.spec.name, path)
        return updates

    def _read(self, path: Path, stamp: Stamp | None, known: _File | None, force: bool) -> tuple[_File, Update | None]:
        shown, old = self.shown(path), known.spec if known is not None else None
        rules = None if old is None or force else rules_of(old, self._runtime.project)
        if known is not None and rules is not None and (rules.on_change == "ignore" or not rules.watched):
            return msgspec.structs.replace(known, stamp=stamp, waits=True), None
        new, problem = self._make(path, old)
        if problem or (old is not None and new is not None and spec_digest(old) == spec_digest(new)):
            same = not problem and known is not None and not known.problem
            return _File(path, stamp, old or new, problem), None if same else Update(shown, old, old or new, problem)
        if rules is not None and rules.on_change == "restart":
            return _File(path, stamp, old, waits=True), Update(shown, old, new, restart=True)
        return _File(path, stamp, new), Update(shown, old, new)

    def _make(self, path: Path, old: AgentSpec | None) -> tuple[AgentSpec | None, str]:
        """The agent that the file describes now, and what is wrong with it. One that is to take the place of another
        has to be ready for work."""
        try:
            new = self._runtime.spec(path)
        except ConfigError as error:
            return None, error.message
        try:
            if old is not None and spec_digest(old) != spec_digest(new):
                self._runtime.library.add(new)
        except PerdureError as error:
            return new, error.message
        return new, ""

    def _find(self, name: str) -> _File | None:
        return self._files.get(self._names.get(name, self._runtime.project.root))

    def shown(self, path: Path) -> str:
        """The file as people know it: relative to the project where it belongs to it."""
        root = self._runtime.project.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def _show(self, file: _File) -> Published:
        shown, spec = self.shown(file.path), file.spec
        if spec is None:
            return Published(file.path.stem, shown, problem=file.problem)
        problem = file.problem
        if not problem and self._names[spec.name] != file.path:
            problem = f"{self._names[spec.name].name} publishes an agent of this name already"
        model = spec.model if isinstance(spec.model, str) else spec.model.full_name if spec.model is not None else ""
        return Published(spec.name, shown, spec.description, spec.version or "", model, spec_digest(spec), problem)


async def publish_file(runtime: Runtime, file: Path) -> AgentSpec:
    """Publish the agent of one more file, and deploy it where something wakes it. Raises ConfigError."""
    path = (runtime.project.root / file).resolve()
    spec = runtime.spec(path)
    if path not in runtime.shelf.files():
        runtime.shelf.more.append(path)
    if spec.on:
        await deploy(runtime, spec)
    return spec


class _File(msgspec.Struct, frozen=True):
    """`waits`: the file has changed, and what it says now is not to count yet."""

    path: Path
    stamp: Stamp | None
    spec: AgentSpec | None
    problem: str = ""
    waits: bool = False


def stamp_of(path: Path) -> Stamp | None:
    """What tells a changed file from one that is as it was; None for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
