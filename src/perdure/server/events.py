"""What is heard of a run, of an agent or of all, as server-sent events. What many watch is encoded once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.errors import PerdureError, RequestError
from perdure.control.finding import find_agent
from perdure.control.listening import EventType, RunEvent
from perdure.control.results import RunResult
from perdure.kernel.store.rows import RunRow

from .endpoint import Call, Endpoint
from .problems import problem
from .reply import Events
from .sse import frame

TEXT = frozenset(("text", "thinking", "restart"))


class Followed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agent_id: Annotated[str, Meta(description="Of this agent only.")] = ""
    kind: Annotated[
        tuple[EventType, ...], Meta(description="Of these kinds only; may be given several times. All where absent.")
    ] = ()
    after: (
        Annotated[int, Meta(ge=0, description="A cursor instead of `Last-Event-ID`; absent: from now on.")] | None
    ) = None


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
    events, frames = call.runtime.hear(run, after=after, until=rest), call.site.frames
    last: RunEvent | None = None
    try:
        if after == 0:
            yield frame("accepted", {"type": "accepted", "run_id": run.id, "agent_id": run.agent_id})
        async for event in events:
            yield frames.of(event)
            last = event
        if rest is not None and (last is None or last.type != "result"):
            yield frame("result", RunEvent("result", result=await rest))
    except PerdureError as error:
        yield frame("error", problem(error).body)
    finally:
        if rest is not None:
            rest.cancel()
        await events.aclose()  # type: ignore[attr-defined]


async def events(call: Call[Any, Followed]) -> Events:
    asked = call.query
    if asked.agent_id:
        await find_agent(call.runtime.store, asked.agent_id)
    after = cursor_of(call, -1 if asked.after is None else asked.after)
    return Events(_of_all(call, asked, None if after < 0 else after))


async def _of_all(call: Call[Any, Followed], asked: Followed, after: int | None) -> AsyncIterator[bytes]:
    kinds, frames, owes_cursor = frozenset(asked.kind), call.site.frames, False
    heard = call.runtime.hear_all(agent=asked.agent_id, after=after, text=not kinds or not kinds.isdisjoint(TEXT))
    try:
        async for event in heard:
            if not kinds or event.type in kinds:
                yield frames.of(event)
                owes_cursor = not event.seq and event.type not in TEXT
            elif owes_cursor and event.seq:
                # The last event of this record, which has the cursor, is of another kind.
                yield b"id: %d\n\n" % event.seq
                owes_cursor = False
    except PerdureError as error:
        yield frame("error", problem(error).body)
    finally:
        await heard.aclose()  # type: ignore[attr-defined]


ENDPOINTS = (Endpoint("GET", "/events", events, scope="read", query=Followed, streams=True),)
