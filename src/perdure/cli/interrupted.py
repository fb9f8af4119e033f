"""The word about other runs that were interrupted: a command takes over only what it was asked for."""

from __future__ import annotations

from perdure.control.runtime import Runtime

from .project import command_line
from .terminal import note

NAMED = 3


async def tell_interrupted(runtime: Runtime) -> None:
    """Say which runs of the project were interrupted, and how to go on with them."""
    others = [run.run_id for run in await runtime.interrupted()]
    if not others:
        return
    named = ", ".join(others[:NAMED]) + (", …" if len(others) > NAMED else "")
    runs = "1 other run was" if len(others) == 1 else f"{len(others)} other runs were"
    note(f"{runs} interrupted ({named}). Go on with: {command_line(runtime, 'resume', '--all')}")
