"""`perdure run --watch`: the same input again whenever a file changes, and what changed with it."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Sequence
from pathlib import Path

from perdure.agents.spec import AgentSpec
from perdure.base.duration import show_duration
from perdure.base.errors import Interrupted, PerdureError
from perdure.base.money import show_money
from perdure.control.changing import Changing
from perdure.control.comparing import changes_between
from perdure.control.reloading import EVERY_MS, python_files
from perdure.control.results import RunResult
from perdure.control.runtime import Runtime
from perdure.wiring import open as open_runtime

from .diff import tell_changes
from .errors import tell
from .exits import DONE
from .following import show_of, watch_run
from .outcome import report_run, text_of
from .process import Stop, Stopped
from .terminal import note, paint


async def rerun(folder: Path, file: Path, said: str, *, agent: str | None, overrides: Sequence[str], json: bool) -> int:
    """Run the agent of a file, and again whenever it changes, until somebody stops it. Returns the exit code."""
    again = _Again(folder, file, said, agent, overrides, json)
    with Stop() as stop:
        try:
            while True:
                changing = Changing(again.files)
                await again.run(stop)
                note(paint(f"Watching {file.name}. Ctrl-C stops.", err=True, dim=True))
                await stop.unless(_changed(changing))
        except Stopped:
            return DONE


async def _changed(changing: Changing) -> None:
    while True:
        await asyncio.sleep(EVERY_MS / 1000)
        if changing.look():
            return


class _Again:
    """One run after another, each on a runtime of its own: settings, code and definition are read anew."""

    def __init__(
        self, folder: Path, file: Path, said: str, agent: str | None, overrides: Sequence[str], json: bool
    ) -> None:
        self._folder = folder
        self._file = file
        self._said = said
        self._agent = agent
        self._overrides = overrides
        self._json = json
        self._spec: AgentSpec | None = None
        self._result: RunResult | None = None
        self._project: Path | None = None

    def files(self) -> list[Path]:
        """What the agent is made of."""
        found = [self._file, *([self._project] if self._project is not None else [])]
        if self._spec is not None:
            folder = self._file.parent
            found += python_files(self._spec, folder)
            for pattern in self._spec.hot_reload.watch_files:
                found += (path for path in folder.glob(pattern) if path.is_file())
        return found

    async def run(self, stop: Stop) -> None:
        """One run; what is wrong is told, and changing it is the way on."""
        try:
            async with open_runtime(self._folder) as runtime:
                self._project = runtime.project.file
                await self._run(runtime, stop)
        except Interrupted as error:
            raise Stopped from error
        except PerdureError as error:
            tell(error.as_dict())

    async def _run(self, runtime: Runtime, stop: Stop) -> None:
        spec = runtime.spec(self._file, self._overrides)
        if self._spec is not None:
            tell_changes(list(changes_between(self._spec, spec)))
        self._spec = spec
        run = await runtime.start(self._file, self._said, agent=self._agent, overrides=self._overrides)
        result = await watch_run(runtime, run.id, runtime.wait(run), stop=stop, show=show_of(self._json, False))
        report_run(runtime, result, json=self._json)
        if self._result is not None and not self._json:
            _compare(self._result, result)
        self._result = result


def _compare(old: RunResult, new: RunResult) -> None:
    """What is not as it was in the run before."""
    for what, before, after in (
        ("status", old.status, new.status),
        ("steps", str(old.steps), str(new.steps)),
        ("cost", show_money(old.cost_microusd), show_money(new.cost_microusd)),
        ("time", show_duration(old.duration_ms), show_duration(new.duration_ms)),
    ):
        note(f"{paint(what.ljust(7), err=True, dim=True)} {after}" + (f" (was {before})" if before != after else ""))
    was, now = (text_of(result.output).splitlines() if result.output is not None else [] for result in (old, new))
    for line in difflib.unified_diff(was, now, "before", "now", lineterm="", n=1):
        colour = {"-": "red", "+": "green"}.get(line[:1])
        note(paint(line, err=True, fg=colour))
