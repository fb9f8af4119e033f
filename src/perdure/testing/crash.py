"""Crash points: the named places where a test may end the process, as a power cut would.

async with perdure.open("folder", probe=kill_at("effect.acted", nth=2)) as rt: ...
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

from perdure.base.errors import InputError
from perdure.base.nearest import nearest

Probe: TypeAlias = Callable[[str], None]
"""Called with the name of each crash point as it is passed; the store's come from the thread that writes."""

CRASH_POINTS = (
    "accept.before_commit",
    "accept.after_commit",
    "effect.before_intent",
    "effect.intended",
    "effect.acted",
    "effect.done",
    "tick.before_commit",
    "tick.after_commit",
    "stream.middle",
    "store.before_commit",
    "store.after_commit",
)
"""`before_commit` and `before_intent`: decided, and not yet on disk. `intended`: the intent is on disk, the effect not
begun. `acted`: the effect happened, its result is in memory alone. `done`, `after_commit`: on disk, and nobody told."""


def kill_at(name: str, nth: int = 1) -> Probe:
    """A probe that ends this process with SIGKILL when it passes the point `name` for the nth time."""
    if name not in CRASH_POINTS:
        close = nearest(name, CRASH_POINTS)
        guess = f"; did you mean {close}?" if close else ""
        raise InputError(f"no crash point is called {name!r}{guess}", hint=f"There are {', '.join(CRASH_POINTS)}.")
    if nth < 1:
        raise InputError(f"the {nth}th time never comes", hint="Count from 1.")

    def end(_: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    return at(name, nth, end)


def at(name: str, nth: int, do: Probe) -> Probe:
    """A probe that calls `do` when the point `name` is passed for the nth time, and never again."""
    passed = 0
    lock = Lock()

    def probe(point: str) -> None:
        nonlocal passed
        if point != name:
            return
        with lock:
            passed += 1
            now = passed == nth
        if now:
            do(point)

    return probe
