"""What is heard of a run, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from perdure.base.errors import PerdureError, RequestError
from perdure.control.listening import RunEvent
from perdure.control.results import RunResult
from perdure.kernel.store.rows import RunRow

from .endpoint import Call
from .problems import problem
from .reply import Events
from .sse import frame


def cursor_of(call: Call[Any, Any], after: int = 0) -> int:
    """Where a client goes on: `Last-Event-ID`, which goes before what the query says. Raises RequestError."""
    said = call.header("last-event-id").strip()
    if not said:
        return after
    if not said.isdecimal() or len(said) > 18:
        raise RequestError(f"not a cursor: Last-Event-ID {said[:40]!r}", hint="Send back the last `id` that came.")
    return int(said)


def events_of_run(
    call: Call[Any, Any], run: RunRow, *, after: int = 0, until: Awaitable[RunResult] | None = None
) -> Events:
    """Everything that happens in the run behind the cursor, to its end, or until `until` has its result."""
    return Events(_frames(call, run, after, until), {"perdure-run-id": run.id, "perdure-agent-id": run.agent_id})


async def _frames(
    call: Call[Any, Any], run: RunRow, after: int, until: Awaitable[RunResult] | None
) -> AsyncIterator[bytes]:
    rest = None if until is None else asyncio.ensure_future(until)
    events = call.runtime.hear(run, after=after, until=rest)
    last: RunEvent | None = None
    try:
        if after == 0:
            yield frame("accepted", {"type": "accepted", "run_id": run.id, "agent_id": run.agent_id})
        async for event in events:
            yield frame(event.type, event, event.seq or "")
            last = event
        if rest is not None and (last is None or last.type != "result"):
            yield frame("result", RunEvent("result", result=await rest))
    except PerdureError as error:
        yield frame("error", problem(error).body)
    finally:
        if rest is not None:
            rest.cancel()
        await events.aclose()  # type: ignore[attr-defined]
