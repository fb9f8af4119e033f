"""A run followed to its rest: shown while it goes on, left safely when somebody stops it, reported at its end."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

from perdure.base.errors import Interrupted
from perdure.base.lazy import load

from .outcome import report_run
from .process import Stop, Stopped
from .project import command_line
from .terminal import is_terminal, note, paint

if TYPE_CHECKING:
    from perdure.control.listening import RunEvent
    from perdure.control.results import RunResult
    from perdure.control.runtime import Runtime

PROGRESS = "perdure.cli.progress:Progress"
STREAMING = "perdure.cli.streaming:Streaming"


class Show(Protocol):
    """Shows what happens in a run."""

    shown: str
    """The text of the answer that stands on stdout."""

    def event(self, event: RunEvent) -> None: ...
    def close(self) -> None: ...


async def follow(
    runtime: Runtime,
    run_id: str,
    rest: Awaitable[RunResult],
    *,
    stop: Stop,
    json: bool = False,
    stream: bool = False,
) -> int:
    """Show and report the run that `rest` waits for. Returns the exit code; raises Interrupted."""
    show = show_of(json, stream)
    result = await watch_run(runtime, run_id, rest, stop=stop, show=show)
    if result.cost_microusd:
        for low in await runtime.budget_warnings(result.run_id):
            note(f"{paint('Budget', err=True, bold=True)}: {low}")
    return report_run(runtime, result, json=json, shown=show.shown if show is not None else "")


async def watch_run(
    runtime: Runtime, run_id: str, rest: Awaitable[RunResult], *, stop: Stop, show: Show | None
) -> RunResult:
    """Show the run that `rest` waits for. Raises Interrupted where somebody stops it first."""
    try:
        return await stop.unless(_hear(runtime, run_id, rest, show))
    except Stopped as stopped:
        go_on = command_line(runtime, "resume", run_id)
        raise Interrupted(f"run {run_id} was interrupted", hint=f"Go on with: {go_on}", run_id=run_id) from stopped
    finally:
        if show is not None:
            show.close()


async def _hear(runtime: Runtime, run_id: str, rest: Awaitable[RunResult], show: Show | None) -> RunResult:
    if show is None:
        return await rest
    result: RunResult | None = None
    async for event in runtime.follow(run_id, rest):
        show.event(event)
        result = event.result or result
    assert result is not None  # it is the last event
    return result


def show_of(json: bool, stream: bool) -> Show | None:
    """How a run is shown: letter by letter, by what it does, or (None) not at all."""
    if stream:
        show: Show = load(STREAMING)(sys.stderr if json else sys.stdout)
        return show
    if not is_terminal(sys.stderr):
        return None
    show = load(PROGRESS)()
    return show
