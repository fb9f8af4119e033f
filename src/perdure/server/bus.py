"""`/bus`: publish events, read and hear them, ask whoever subscribes. `/consumers` keeps how far somebody has come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from perdure.base.duration import parse_duration
from perdure.base.envelope import DEFAULT_PRIORITY, Envelope
from perdure.base.errors import RequestError
from perdure.base.traceparent import read_tracestate
from perdure.bus.port import Event, Published
from perdure.control.subscriptions import Subscribed
from perdure.kernel.store.rows import Page, TopicRow

from .endpoint import Call, Endpoint, Nothing
from .events import cursor_of
from .invoke import MAX_WAIT_MS, key_of
from .reply import Events, Reply
from .sse import frame

Priority = Annotated[int, Meta(ge=0, le=100, description="A lower number goes first.")]
Seq = Annotated[int, Meta(ge=0, le=2**62)]
Qos = Literal["realtime", "batched", "background"]


class Emit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event. The same `id` again (or the same `Idempotency-Key`) is not published again."""

    payload: Any = None
    id: Annotated[str, Meta(max_length=255)] = ""
    kind: Annotated[str, Meta(max_length=64, description="What it is, such as price.update.")] = "event"
    name: Annotated[str, Meta(max_length=64, description="Who says it, behind the name of whoever holds the key.")] = ""
    thread: Annotated[str, Meta(max_length=255)] = ""
    correlation: Annotated[str, Meta(max_length=255)] = ""
    causation: Annotated[str, Meta(max_length=255)] = ""
    reply_to: Annotated[str, Meta(max_length=261, description="`topic:` and a topic for answers.")] = ""
    hops: Annotated[int, Meta(ge=0, le=1_000)] = 0
    priority: Priority = DEFAULT_PRIORITY
    expires_in_ms: Annotated[int, Meta(ge=1, le=10**12)] | None = None
    traceparent: Annotated[str, Meta(max_length=128, description="W3C trace context, else that of the request.")] = ""
    tracestate: Annotated[str, Meta(max_length=512, description="What goes with `traceparent`.")] = ""
    durable: Annotated[bool | None, Meta(description="Keep it on disk; as the project says where absent.")] = None


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to whoever subscribes to a topic."""

    payload: Any = None
    priority: Priority = DEFAULT_PRIORITY


class Read(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    after: Annotated[Seq | None, Meta(description="Behind this seq; `Last-Event-ID` goes before it.")] = None
    since_ms: Annotated[Seq | None, Meta(description="Published at this time (ms UTC) or later.")] = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    newest: Annotated[bool, Meta(description="The last ones instead of the first.")] = False
    watch: Annotated[bool, Meta(description="Server-sent events: what there is, and what comes.")] = False
    qos: Annotated[Qos, Meta(description="With `watch`: what becomes of events when you read too slowly.")] = "batched"


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prefix: str = ""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    cursor: Annotated[str, Meta(description="The `next` of the page before.")] = ""


class Within(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    timeout: Annotated[str, Meta(description="How long to wait for an answer, such as 30s.")] = "30s"


class OfAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agent_id: str = ""


class Hear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent is to hear from now on."""

    pattern: str
    qos: Qos = "background"
    input: str = ""


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last event that a consumer is done with."""

    seq: Seq


async def publish(call: Call[Emit, Nothing]) -> Reply:
    said = call.body
    published = await call.runtime.publish(
        call.path["topic"],
        said.payload,
        id=said.id or key_of(call),
        kind=said.kind,
        sender=f"{call.who}/{said.name}" if said.name else call.who,
        thread=said.thread,
        correlation=said.correlation,
        causation=said.causation,
        reply_to=said.reply_to,
        hops=said.hops,
        priority=said.priority,
        expires_in_ms=said.expires_in_ms,
        traceparent=said.traceparent or call.header("traceparent")[:128],
        tracestate=read_tracestate(said.tracestate) if said.traceparent else call.tracestate,
        durable=said.durable,
    )
    return Reply(published, 202)


async def request(call: Call[Ask, Within]) -> Envelope:
    timeout_ms = parse_duration(call.query.timeout)
    if timeout_ms > MAX_WAIT_MS:
        raise RequestError(f"`timeout` is at most {MAX_WAIT_MS // 60_000} minutes")
    return await call.runtime.topics.request(
        call.path["topic"],
        call.body.payload,
        timeout_ms=timeout_ms,
        sender=call.who,
        priority=call.body.priority,
        traceparent=call.header("traceparent")[:128],
        tracestate=call.tracestate,
    )


async def read(call: Call[Any, Read]) -> list[Event] | Events:
    asked, pattern = call.query, call.path["topic"]
    if asked.watch:
        return await _watch(call, pattern)
    return await call.runtime.topics.events(
        pattern, after=asked.after or 0, since_ms=asked.since_ms or 0, limit=asked.limit, newest=asked.newest
    )


async def _watch(call: Call[Any, Read], pattern: str) -> Events:
    asked = call.query
    after: int | None = asked.after
    if call.header("last-event-id"):
        after = cursor_of(call)
    hearer = await call.runtime.topics.subscribe(
        pattern,
        qos=asked.qos,
        after=after,
        since_ms=asked.since_ms if after is None else None,
        waited_for=asked.qos == "background",
        in_order=True,
    )

    async def frames() -> AsyncIterator[bytes]:
        try:
            yield frame("ready", Position(hearer.position), hearer.position)
            while events := await hearer.take():
                yield b"".join(frame("event", event, event.seq or "") for event in events)
        finally:
            hearer.close()

    return Events(frames())


async def list_topics(call: Call[Any, Listed]) -> Page[TopicRow]:
    asked = call.query
    return await call.runtime.topics.topics(asked.prefix, limit=asked.limit, cursor=asked.cursor)


async def subscriptions(call: Call[Any, OfAgent]) -> list[Subscribed]:
    return await call.runtime.subscriptions(call.query.agent_id)


async def subscribe(call: Call[Hear, Nothing]) -> Reply:
    said = call.body
    made = await call.runtime.subscribe(call.path["id"], said.pattern, qos=said.qos, input=said.input)
    return Reply(made, 201)


async def unsubscribe(call: Call[Any, Nothing]) -> Reply:
    await call.runtime.unsubscribe(call.path["id"], call.path["subscription"])
    return Reply(status=204)


async def position(call: Call[Any, Nothing]) -> Position:
    return Position(await call.runtime.topics.position(call.path["name"]))


async def acknowledge(call: Call[Position, Nothing]) -> Reply:
    await call.runtime.topics.acknowledge(call.path["name"], call.body.seq)
    return Reply(status=204)


ENDPOINTS = (
    Endpoint("GET", "/bus", list_topics, scope="read", query=Listed, answer=Page[TopicRow]),
    Endpoint("GET", "/bus/{topic}", read, scope="read", query=Read, answer=list[Event], streams=True),
    Endpoint("POST", "/bus/{topic}", publish, scope="send", body=Emit, answer=Published, status=202),
    Endpoint("POST", "/bus/{topic}/request", request, scope="send", body=Ask, query=Within, answer=Envelope),
    Endpoint("GET", "/subscriptions", subscriptions, scope="read", query=OfAgent, answer=list[Subscribed]),
    Endpoint("POST", "/agents/{id}/subscriptions", subscribe, scope="admin", body=Hear, answer=Subscribed, status=201),
    Endpoint("DELETE", "/agents/{id}/subscriptions/{subscription}", unsubscribe, scope="admin", status=204),
    Endpoint("GET", "/consumers/{name}", position, scope="read", answer=Position),
    Endpoint("POST", "/consumers/{name}", acknowledge, scope="read", body=Position, status=204),
)
