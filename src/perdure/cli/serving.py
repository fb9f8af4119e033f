"""A process that serves a project: signals, files that change, and its end or new beginning."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from perdure.base.errors import ConfigError
from perdure.control.reloading import FileChange, Reloaded
from perdure.control.runtime import Runtime
from perdure.wiring import Served
from perdure.wiring import serve as serve_project

from .exits import DONE
from .open import login_link, reached
from .parent import Parent
from .process import Stop
from .terminal import hint, note, paint

Show: TypeAlias = Callable[[Runtime], AbstractAsyncContextManager[None]]
"""Shows what happens in a runtime while it is entered."""


class Service(NamedTuple):
    """What is to be served: a project's folder, where (None: as its settings say), files besides those in `agents`, the
    files of certificate and key, and whether it may be reached from elsewhere without these."""

    folder: Path
    host: str | None = None
    port: int | None = None
    files: tuple[Path, ...] = ()
    tls: tuple[Path, Path] | None = None
    insecure: bool = False


def _show_nothing(_: Runtime) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


async def serve(service: Service, show: Show = _show_nothing) -> Callable[[], int]:
    """Serve until somebody stops it. Returns what is to be done then, once the event loop is gone: it gives the exit
    code, or begins the process anew."""
    parent = Parent(os.environ)
    with Stop() as stop:
        async with serve_project(
            service.folder,
            host=service.host,
            port=service.port,
            listening=parent.listening,
            files=service.files,
            tls=service.tls,
            insecure=service.insecure,
            report=note,
        ) as served:
            _tell(served)
            reloads = served.runtime.reloads
            in_words = served.runtime.project.telemetry.logs is None  # else they are in the log already
            reloads.told.append(lambda reloaded: tell_reloaded(reloaded, parent, in_words=in_words))
            with _Told(served, stop):
                parent.ready(served.url)
                async with show(served.runtime):
                    await _first(stop.asked(), parent.gone(), reloads.restart.wait())
            again = reloads.restart.is_set() and not stop.is_asked
            if again:
                served.site.is_restarting = True
                served.site.grace_ms = served.site.grace_ms if reloads.strategy == "graceful" else 0
                note("Beginning anew…")
            else:
                parent.stopping()
    return (lambda: parent.begin_anew(served.listening)) if again else (lambda: DONE)


class _Told:
    """While it is entered SIGHUP takes up files that changed, and SIGUSR1 begins the process anew."""

    def __init__(self, served: Served, stop: Stop) -> None:
        self._served = served
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._has_terminal = sys.stderr.isatty()
        self._reloading: set[asyncio.Task[None]] = set()

    def __enter__(self) -> None:
        self._loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self._loop.add_signal_handler(signal.SIGUSR1, self._begin_anew)

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGHUP, signal.SIGUSR1):
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # else one that comes late would end what is being put away
        for task in self._reloading:
            task.cancel()

    def _hang_up(self) -> None:
        if self._has_terminal and not sys.stderr.isatty():
            self._stop.ask()  # it is the terminal that is gone
            return
        task = asyncio.create_task(self._reload())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    def _begin_anew(self) -> None:
        try:
            self._served.runtime.reloads.begin_anew()
        except ConfigError as error:
            note(f"It goes on as it is, for it could not begin anew:\n{error.message}")

    async def _reload(self) -> None:
        if not (await self._served.runtime.reload()).changes:
            note("No file has changed.")


async def _first(*waits: object) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _tell(served: Served) -> None:
    note(f"Serving {served.runtime.project.name} on {served.url}")
    if served.token is not None:
        note(f"Token: {served.runtime.project.state_folder / 'token'}")
        # For who sits here: in a file of logs a link that lets somebody in has no business.
        hint(f"Open:  {login_link(reached(served.url), served.token)}")
    for file, problem in served.runtime.reloads.problems.items():
        note(f"{paint(file, err=True, fg='red')} is wrong, and its agent cannot be asked:\n{problem}")


def tell_reloaded(reloaded: Reloaded, parent: Parent, *, in_words: bool) -> None:
    """A line for each file that was taken up, or was not."""
    for change in reloaded.changes:
        line = _line(change)
        if in_words:
            note(paint(line, err=True, fg="red" if change.problem else "cyan"))
        parent.reloaded(line.partition("\n")[0])


def _line(change: FileChange) -> str:
    about = f" ({', '.join(change.keys)})" if change.keys else ""
    if change.problem:
        problem = change.problem.replace(f"{Path.cwd()}{os.sep}", "")
        return f"{change.file} was refused, and {change.agent or 'everything'} stays what it was:\n{problem}"
    if change.waits:
        return f"{change.file} changed{about}: it counts when the process has begun anew"
    return f"{change.file} was taken up{about}"
