"""`/invoke`: ask an agent, and wait for the answer, hear it as it comes, or fetch it later.

`/agents/{id}/send` hands a message to an agent that there is.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from perdure.base.duration import parse_duration
from perdure.base.errors import RequestError
from perdure.control.results import RunResult
from perdure.kernel.store.rows import RunRow

from .endpoint import AgentId, Call, Endpoint, Nothing
from .events import events_of_run
from .outcome import reply_of
from .reply import Events, Reply
from .waiting import result_within

MAX_KEY = 255
MAX_WAIT_MS = 10 * 60_000


Input: TypeAlias = Annotated[
    Any,
    Meta(
        description="Text, a list of parts, or any other JSON.",
        extra_json_schema={"not": {"type": "string", "pattern": r"^\s*$"}},
    ),
]


class Invoke(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask an agent. `spec` alone begins a new conversation, `agent_id` goes on with one."""

    input: Input
    spec: Annotated[str, Meta(description="The name of a published agent.", max_length=128)] = ""
    agent_id: Annotated[AgentId, Meta(description="The agent whose conversation goes on.")] = ""
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    is_async: Annotated[bool, Meta(description="Answer as soon as the request is on disk.")] = msgspec.field(
        default=False, name="async"
    )


class Send(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to an agent."""

    input: Input


class Wait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wait: Annotated[str, Meta(description="How long to wait for the answer, such as 30s.")] = ""


class Accepted(msgspec.Struct, frozen=True):
    """The request is on disk: it will be answered, whatever happens to the server now."""

    run_id: str
    agent_id: str
    envelope_id: str
    status: str


async def invoke(call: Call[Invoke, Nothing]) -> Reply | Events:
    asked = call.body
    if asked.stream and asked.is_async:
        raise RequestError("either `stream` or `async`, not both")
    runtime = call.runtime
    run = await runtime.accept(
        asked.input,
        spec=asked.spec,
        agent=asked.agent_id,
        key=key_of(call),
        who=call.who,
        traceparent=call.traceparent,
        tracestate=call.tracestate,
    )
    if asked.is_async:
        return accepted(run)
    if asked.stream:
        return events_of_run(call, run, until=runtime.wait(run))
    return reply_of(await runtime.wait(run))


async def send(call: Call[Send, Wait]) -> Reply:
    wait_ms = parse_duration(call.query.wait) if call.query.wait else 0
    if wait_ms > MAX_WAIT_MS:
        raise RequestError(f"`wait` is at most {MAX_WAIT_MS // 60_000} minutes")
    run = await call.runtime.accept(
        call.body.input,
        agent=call.path["id"],
        key=key_of(call),
        who=call.who,
        traceparent=call.traceparent,
        tracestate=call.tracestate,
    )
    result = await result_within(call.site, run, wait_ms)
    return accepted(run) if result is None else reply_of(result)


def accepted(run: RunRow) -> Reply:
    body = Accepted(run.id, run.agent_id, run.envelope_id, run.status)
    return Reply(body, 202, headers={"location": f"/runs/{run.id}"})


def key_of(call: Call[Any, Any]) -> str:
    """The client's Idempotency-Key, "" for none. Raises RequestError."""
    key = call.header("idempotency-key").strip()
    if len(key) > MAX_KEY:
        raise RequestError(f"an Idempotency-Key has at most {MAX_KEY} characters")
    return key


ENDPOINTS = (
    Endpoint(
        "POST",
        "/invoke",
        invoke,
        scope="send",
        body=Invoke,
        answer=RunResult,
        also={202: (Accepted, RunResult)},
        streams=True,
    ),
    Endpoint(
        "POST",
        "/agents/{id}/send",
        send,
        scope="send",
        body=Send,
        query=Wait,
        answer=RunResult,
        also={202: (Accepted, RunResult)},
    ),
)
