"""All interrupted runs, gone on with one beside the other."""

from __future__ import annotations

import click

from perdure.control.runtime import Runtime
from perdure.control.watching import Progress

from .errors import plain, tell
from .exits import DONE, INTERRUPTED, code_of_error, code_of_run
from .json import print_json
from .outcome import object_of, tell_next
from .process import Stop, Stopped
from .terminal import note


async def resume_all(runtime: Runtime, *, stop: Stop, watch: bool, json: bool) -> int:
    """Go on with every run that nobody works at. Returns the worst exit code; that of an interruption for Ctrl-C,
    unless stopping is the only way to end, as with `watch`."""
    codes = [DONE]

    async def go() -> None:
        async for event in runtime.resume_all(watch=watch):
            codes.append(_tell(runtime, event, json))

    if watch:
        note("Watching for interrupted runs. Ctrl-C stops.")
    try:
        await stop.unless(go())
    except Stopped:
        return DONE if watch else INTERRUPTED
    if len(codes) == 1:
        note("No run was interrupted.")
    return max(codes)


def _tell(runtime: Runtime, event: Progress, json: bool) -> int:
    if event.type == "taken":
        note(f"{event.run_id} of {event.agent_id} goes on")
        return DONE
    if event.result is not None:
        if json:
            print_json(object_of(event.result), line=True)
        else:
            click.echo(f"{event.run_id}  {event.result.status}")
        tell_next(runtime, event.result)
        return code_of_run(event.result)
    assert event.error is not None
    note(f"{event.run_id} of {event.agent_id} cannot go on:")
    tell(event.error.as_dict())
    if json:
        error = plain(event.error.as_dict())
        print_json({"run_id": event.run_id, "agent_id": event.agent_id, "error": error}, line=True)
    return code_of_error(event.error)
