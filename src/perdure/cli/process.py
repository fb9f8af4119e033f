"""The process around a command: its event loop, and what Ctrl-C does to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, Self, TypeVar

from perdure.base.lazy import load

from .exits import INTERRUPTED
from .terminal import is_terminal, note

T = TypeVar("T")

FAST_LOOP = "uvloop:new_event_loop"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAID = "Stopping at a safe point… (Ctrl-C again stops at once; nothing is lost either way)"
_SHOW_CURSOR = "\x1b[?25h"


class Stopped(Exception):
    """Somebody asked the process to stop."""


class Stop:
    """While it is entered, the first Ctrl-C lets what is under way come to a safe point, and the second ends the
    process at once. SIGTERM does the same. `said` is what the first one is answered with."""

    def __init__(self, said: str = SAID) -> None:
        self._said = said
        self._asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._heard_before = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._heard) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. Raises Stopped where somebody asks to stop before it, or has done so already."""
        task, stopped = asyncio.create_task(work), asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Stopped
        finally:
            task.cancel()
            stopped.cancel()
            await asyncio.wait((task, stopped))

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """Stop as for a signal."""
        self._asked.set()

    async def asked(self) -> None:
        """Return when somebody asks to stop."""
        await self._asked.wait()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._heard_before:
            if is_terminal(sys.stderr):
                os.write(2, _SHOW_CURSOR.encode())
            os._exit(INTERRUPTED)
        self._heard_before = True
        self._loop.call_soon_threadsafe(self._asked.set)
        if self._said:
            note(self._said)


def complete(main: Coroutine[Any, Any, T], *, many: bool = False) -> T:
    """The result of `main`, on an event loop of its own. For `many` runs it is one that takes longer to load, and more
    memory, than it saves in a single run."""
    with asyncio.Runner(loop_factory=_fast_loop() if many else None) as runner:
        return runner.run(main)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        found: Callable[[], asyncio.AbstractEventLoop] = load(FAST_LOOP)
    except ImportError:
        return None
    return found
