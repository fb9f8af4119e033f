"""`/runs`: list them, look at one, hear it, and move it on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from perdure.control.finding import find_run
from perdure.control.listing import RunDetail, RunSummary
from perdure.control.results import RunResult
from perdure.kernel.store.rows import Page, RunStatus

from .endpoint import Call, Cursor, Endpoint, Nothing
from .events import cursor_of, events_of_run
from .invoke import Accepted, accepted
from .reply import Events, Reply


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agent_id: str = ""
    status: Annotated[
        tuple[RunStatus, ...], Meta(description="In one of these states; may be given several times.")
    ] = ()
    since_ms: Annotated[int, Meta(ge=0, le=10**18, description="Accepted at this time (ms UTC) or later.")] = 0
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 20
    cursor: Cursor = ""


class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after: Annotated[
        int, Meta(ge=0, le=10**18, description="A cursor, for clients that cannot send `Last-Event-ID`.")
    ] = 0


class Fork(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Begin a new run that shares the records before the key `at`. Only a `live` one may change something outside."""

    at: str
    overrides: tuple[str, ...] = ()
    live: bool = False


class Resolve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say what became of an effect in doubt: it is done, and gave `value`; do it again; or let it fail."""

    key: str
    how: Literal["done", "retry", "fail"]
    value: Any = None
    why: str = ""


async def list_runs(call: Call[Any, Listed]) -> Page[RunSummary]:
    asked = call.query
    return await call.runtime.runs(
        agent=asked.agent_id, status=asked.status, since_ms=asked.since_ms, limit=asked.limit, cursor=asked.cursor
    )


async def show(call: Call[Any, Nothing]) -> RunDetail:
    return await call.runtime.show(call.path["run_id"])


async def events(call: Call[Any, After]) -> Events:
    run = await find_run(call.runtime.store, call.path["run_id"])
    return events_of_run(call, run, after=cursor_of(call, call.query.after))


async def cancel(call: Call[Nothing, Nothing]) -> RunResult:
    return await call.runtime.cancel(call.path["run_id"], who=call.who)


async def pause(call: Call[Nothing, Nothing]) -> RunResult:
    return await call.runtime.pause(call.path["run_id"], who=call.who)


async def resume(call: Call[Nothing, Nothing]) -> Reply:
    result = await call.runtime.resume(call.path["run_id"], who=call.who, wait=False)
    return Reply(result, 202, headers={"location": f"/runs/{result.run_id}"})


async def fork(call: Call[Fork, Nothing]) -> Reply:
    asked = call.body
    return accepted(await call.runtime.fork(call.path["run_id"], asked.at, overrides=asked.overrides, live=asked.live))


async def resolve(call: Call[Resolve, Nothing]) -> Reply:
    asked = call.body
    return accepted(
        await call.runtime.resolve(
            call.path["run_id"], asked.key, asked.how, value=asked.value, why=asked.why, who=call.who
        )
    )


async def delete(call: Call[Any, Nothing]) -> Reply:
    await call.runtime.delete_run(call.path["run_id"])
    return Reply(status=204)


ENDPOINTS = (
    Endpoint("GET", "/runs", list_runs, scope="read", query=Listed, answer=Page[RunSummary]),
    Endpoint("GET", "/runs/{run_id}", show, scope="read", answer=RunDetail),
    Endpoint("DELETE", "/runs/{run_id}", delete, scope="admin", status=204),
    Endpoint("GET", "/runs/{run_id}/events", events, scope="read", query=After, streams=True),
    Endpoint("POST", "/runs/{run_id}/cancel", cancel, scope="send", body=Nothing, answer=RunResult),
    Endpoint("POST", "/runs/{run_id}/pause", pause, scope="send", body=Nothing, answer=RunResult),
    Endpoint("POST", "/runs/{run_id}/resume", resume, scope="send", body=Nothing, answer=RunResult, status=202),
    Endpoint("POST", "/runs/{run_id}/fork", fork, scope="admin", body=Fork, answer=Accepted, status=202),
    Endpoint("POST", "/runs/{run_id}/resolve", resolve, scope="approve", body=Resolve, answer=Accepted, status=202),
)
