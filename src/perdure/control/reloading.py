"""Reloading: a process that serves takes changed files up while it works, and leaves what it was where they are wrong.

A run keeps to the definition that it began with, whatever happens here; what changes is what the next run is of.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from perdure.agents.config.loader import load_project
from perdure.agents.lifecycle import Strategy, rules_of
from perdure.agents.spec import AgentSpec
from perdure.base.errors import ConfigError, Fenced, Held, PerdureError
from perdure.tools.load import forget_file

from .changing import Changing
from .comparing import changes_between
from .deploying import deploy

if TYPE_CHECKING:
    from .publishing import Update
    from .runtime import Runtime

EVERY_MS = 500


class FileChange(msgspec.Struct, frozen=True):
    """What became of a file. `keys` are those of the agent that are not what they were; `problem` says why the file was
    refused, "" where it was taken. `waits`: it counts when the process begins anew."""

    file: str
    agent: str = ""
    keys: tuple[str, ...] = ()
    problem: str = ""
    waits: bool = False


class Reloaded(msgspec.Struct, frozen=True):
    """One time that files were looked at and something had changed. `at` is milliseconds UTC."""

    at: int
    changes: tuple[FileChange, ...] = ()

    @property
    def refused(self) -> tuple[FileChange, ...]:
        return tuple(change for change in self.changes if change.problem)


class Reloads:
    """Takes changed files up. `last` is the last time that something had changed, `problems` what is wrong now, by
    file; `restart` is set once a change asks for the process to begin anew, as `strategy` says."""

    def __init__(self, runtime: Runtime) -> None:
        self.last: Reloaded | None = None
        self.problems: dict[str, str] = {}
        self.restart = asyncio.Event()
        self.strategy: Strategy = "graceful"
        self.told: list[Callable[[Reloaded], None]] = []
        """Who hears of each."""
        self._runtime = runtime
        self._deploying: dict[str, asyncio.Task[None]] = {}

    # -- by itself ----------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """While this is entered changed files are taken up, as their agents and the project say."""
        shelf = self._runtime.shelf
        shelf.look(force=True)
        changing = Changing(self.files)
        shelf.look(force=True)  # what changed in between
        shelf.is_watched = True
        self.problems = {one.file: one.problem for one in shelf.all() if one.problem}
        task = asyncio.create_task(self._watch(changing))
        try:
            yield
        finally:
            shelf.is_watched = False
            for one in (task, *self._deploying.values()):
                one.cancel()
            await asyncio.gather(task, *self._deploying.values(), return_exceptions=True)

    async def _watch(self, changing: Changing) -> None:
        while True:
            await asyncio.sleep(EVERY_MS / 1000)  # files change in the world's time, whatever the runtime's clock says
            changed = changing.look()
            if changed:
                await self.reload(changed)

    def files(self) -> Iterator[Path]:
        """All files whose change counts."""
        project, shelf = self._runtime.project, self._runtime.shelf
        if project.file is not None:
            yield project.file
        for pattern in project.hot_reload.watch_files:
            yield from _matching(project.root, pattern)
        yield from shelf.files()
        for _, spec in shelf.specs():
            yield from self._beside(spec)

    def _beside(self, spec: AgentSpec) -> Iterator[Path]:
        """The files that an agent is made of beside its own."""
        folder = self._runtime.project.root / spec.folder
        yield from python_files(spec, folder)
        for pattern in spec.hot_reload.watch_files:
            yield from _matching(folder, pattern)

    # -- when told to -------------------------------------------------------------------------------------------------

    async def reload(self, changed: frozenset[Path] | None = None) -> Reloaded:
        """Take up what has `changed`; where that is not said, everything, also what is to be left alone."""
        force = changed is None
        updates = self._runtime.shelf.look(force=force)
        changes = [self._of_update(update) for update in updates]
        done = {update.file for update in updates}
        changes += self._of_others(changed, done)
        changes += self._of_project(changed)
        for change in changes:
            self.problems.pop(change.file, None)
            if change.problem:
                self.problems[change.file] = change.problem
        for update in updates:
            if update.new is not None and not update.problem and not update.restart:
                self._deploy(update.new)
        reloaded = Reloaded(self._runtime.clock.now(), tuple(changes))
        if changes:
            self.last = reloaded
            for told in self.told:
                told(reloaded)
        return reloaded

    def _of_update(self, update: Update) -> FileChange:
        spec = update.new or update.old
        name = spec.name if spec is not None else ""
        if update.problem:
            return FileChange(update.file, name, problem=update.problem)
        if update.restart and update.old is not None:
            self._wants_restart(rules_of(update.old, self._runtime.project).strategy)
        if update.old is None or update.new is None:
            return FileChange(update.file, name, waits=update.restart)
        keys = tuple(change.key for change in changes_between(update.old, update.new))
        return FileChange(update.file, name, keys, waits=update.restart)

    def _of_others(self, changed: frozenset[Path] | None, done: set[str]) -> Iterator[FileChange]:
        """Agents whose own file is what it was, and that are made of others that are not."""
        runtime = self._runtime
        general = {
            file for one in runtime.project.hot_reload.watch_files for file in _matching(runtime.project.root, one)
        }
        for path, spec in runtime.shelf.specs():
            files = {*self._beside(spec), *general}
            touched = sorted(files if changed is None else files & changed)
            rules = rules_of(spec, runtime.project)
            if not touched or runtime.shelf.shown(path) in done:
                continue
            if changed is not None and (rules.on_change == "ignore" or not rules.watched):
                continue
            if changed is not None and rules.on_change == "restart":
                self._wants_restart(rules.strategy)
                yield FileChange(runtime.shelf.shown(touched[0]), spec.name, waits=True)
                continue
            problem = self._renew(spec)
            if changed is not None or problem:
                yield FileChange(runtime.shelf.shown(touched[0]), spec.name, problem=problem)

    def _renew(self, spec: AgentSpec) -> str:
        """Make the agent's program again; why it stays what it was, "" where it does not."""
        try:
            for file in python_files(spec, self._runtime.project.root / spec.folder):
                forget_file(file)
            self._runtime.library.renew(spec)
        except PerdureError as error:
            return error.message
        return ""

    def _of_project(self, changed: frozenset[Path] | None) -> Iterator[FileChange]:
        """The project's own file: what it says cannot change under a process that works, so that one begins anew."""
        project = self._runtime.project
        file = project.file
        if file is None or (changed is not None and file not in changed):
            return
        shown = self._runtime.shelf.shown(file)
        try:
            now = load_project(file.parent, environment=self._runtime.environment)
        except ConfigError as error:
            yield FileChange(shown, problem=error.message)
            return
        if now == project:
            if shown in self.problems:
                yield FileChange(shown)
            return
        rules = rules_of(project, project)
        if changed is None or (rules.on_change != "ignore" and rules.watched):
            self._wants_restart(rules.strategy)
            yield FileChange(shown, keys=tuple(_sections(project, now)), waits=True)

    def begin_anew(self) -> None:
        """Ask for the process to begin anew. Raises ConfigError where it could not, as the project's file is wrong."""
        project = self._runtime.project
        load_project(project.root, environment=self._runtime.environment)
        self._wants_restart(rules_of(project, project).strategy)

    def _wants_restart(self, strategy: Strategy) -> None:
        self.strategy = "graceful" if self.restart.is_set() and self.strategy == "graceful" else strategy
        self.restart.set()

    # -- agents that something wakes ----------------------------------------------------------------------------------

    def _deploy(self, spec: AgentSpec) -> None:
        """Let the agent that something wakes be of this definition from its next run on."""
        if not spec.on:
            return
        before = self._deploying.pop(spec.name, None)
        if before is not None:
            before.cancel()
        self._deploying[spec.name] = asyncio.create_task(self._deploy_when_free(spec))

    async def _deploy_when_free(self, spec: AgentSpec) -> None:
        while True:
            with contextlib.suppress(Held, Fenced):  # it is at work: its next run is soon enough
                await deploy(self._runtime, spec)
                return


def python_files(spec: AgentSpec, folder: Path) -> Iterator[Path]:
    """The Python files that a definition names: its class, its tools, the shape of its output."""
    entries = [spec.handler, spec.output, *spec.tools]
    for entry in entries:
        names = entry if isinstance(entry, dict) and entry is not spec.output else (entry,)
        for name in names:
            if isinstance(name, str) and (place := name.rpartition(":")[0]).endswith(".py"):
                yield (folder / place).resolve()


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    for path in folder.glob(pattern):
        if path.is_file():
            yield path


def _sections(old: msgspec.Struct, new: msgspec.Struct) -> Iterator[str]:
    for name in old.__struct_fields__:
        if getattr(old, name) != getattr(new, name):
            yield name
