"""Spans of a run: a pure reading of its records, one at a time.

Everything about a span follows from its record, its id too: one told twice, as after a crash, is the same span.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.codec import NIL, from_json, to_json, unpack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.messages import Message, ModelResponse, Part, Text, Thinking, ToolCall, ToolResult
from perdure.base.redaction import hide_in
from perdure.base.traceparent import Trace, span_of_run, trace_of
from perdure.base.usage import Usage
from perdure.kernel import records as r
from perdure.kernel.effect import idempotency_key
from perdure.kernel.journal import decode
from perdure.kernel.keys import tool_of
from perdure.kernel.store.rows import RunRow

from . import names as n

Value: TypeAlias = str | int | tuple[str, ...]

ENDS = (r.RunFinished.type,)
EFFECTS = (r.EffectIntended.type, r.EffectDone.type, r.EffectFailed.type)
HAPPENINGS = (r.RunWaiting.type, r.RunResumed.type, r.RunPaused.type, r.TickFailed.type, r.BudgetWarned.type)
LONGEST = 32_768
"""Characters of one attribute's content; what is longer is cut."""


class Happening(msgspec.Struct, frozen=True):
    """Something that happened to a run, `at` ms UTC."""

    name: str
    at: int
    attributes: dict[str, Value] = {}


class Span(msgspec.Struct, frozen=True):
    """Times are ms UTC; `id` and `parent` have 16 hex digits, `parent` "" for none. `error` is what went wrong."""

    name: str
    id: str
    parent: str
    kind: Literal["internal", "client"]
    started_at: int
    ended_at: int
    attributes: dict[str, Value]
    error: str = ""
    happenings: tuple[Happening, ...] = ()


class Subject(msgspec.Struct):
    """A run whose spans are told. `content` says that what was said is told too; `calls` are those of its models."""

    run: RunRow
    trace: Trace
    name: str
    description: str
    model: str
    content: bool
    input: Any = None
    calls: dict[str, ToolCall] = {}

    @property
    def id(self) -> str:
        return span_of_run(self.run.id)


def subject_of(run: RunRow, accepted: r.Record, document: bytes | None, *, content: bool) -> Subject:
    """`accepted` is the run's first record, `document` its stored spec."""
    event = decode(accepted)
    envelope = unpack_as(event.body, Envelope)
    spec = from_json(document)["spec"] if document else {}
    return Subject(
        run,
        trace_of(run.root or run.id, envelope.traceparent),
        spec.get("name") or run.agent_id,
        spec.get("description", ""),
        _model(spec.get("model")),
        content,
        envelope.payload if content else None,
    )


def span_of(subject: Subject, record: r.Record) -> Span | None:
    """What the end of an effect tells; None for other records, and for effects that are neither model nor tool."""
    event = decode(record)
    match event:
        case r.EffectIntended() if subject.content and event.kind == "tool" and event.note.get("call"):
            asked = unpack(event.body)
            call = ToolCall(str(event.note["call"]), asked["tool"], asked["arguments"])
            subject.calls.setdefault(call.id, call)
            return None
        case r.EffectDone() | r.EffectFailed() if event.kind == "model":
            name, attributes = _chat(subject, event)
        case r.EffectDone() | r.EffectFailed() if event.kind == "tool":
            name, attributes = _tool(subject, record.key, event)
        case _:
            return None
    error = ""
    if isinstance(event, r.EffectFailed):
        told = unpack(event.body) or {}
        error = str(told.get("message", "")) or "failed"
        attributes[n.ERROR_TYPE] = str(told.get("code", "")) or "_OTHER"
    return Span(
        name,
        idempotency_key(subject.run.id, record.key)[:16],
        subject.id,
        "client" if event.kind == "model" else "internal",
        record.at - event.ms,
        record.at,
        {**attributes, n.RUN_ID: subject.run.id, n.KEY: record.key},
        error,
    )


def span_of_run_ended(subject: Subject, record: r.Record, happenings: Iterable[r.Record]) -> Span:
    """The span of a whole run; `record` tells of its end."""
    event, run = decode(record), subject.run
    assert isinstance(event, r.RunFinished)
    attributes: dict[str, Value] = {
        n.OPERATION: n.INVOKE_AGENT,
        n.AGENT_ID: run.agent_id,
        n.AGENT_NAME: subject.name,
        n.CONVERSATION_ID: run.agent_id,
        n.RUN_ID: run.id,
        n.RUN_STATUS: event.status,
        n.COST: run.cost,
        n.INPUT_TOKENS: run.input_tokens,
        n.OUTPUT_TOKENS: run.output_tokens,
    }
    if subject.description:
        attributes[n.AGENT_DESCRIPTION] = subject.description
    attributes |= _asked_model(subject.model)
    error, said = "", unpack(event.body)
    if event.status == "failed":
        error = str((said or {}).get("message", "")) or "failed"
        attributes[n.ERROR_TYPE] = str((said or {}).get("code", "")) or "_OTHER"
    if subject.content:
        attributes[n.INPUT_MESSAGES] = _json([_message("user", subject.input)])
        if event.status == "done":
            attributes[n.OUTPUT_MESSAGES] = _json([_message("assistant", said)])
    return Span(
        f"{n.INVOKE_AGENT} {subject.name}",
        subject.id,
        subject.trace.parent,
        "internal",
        run.created_at,
        record.at,
        attributes,
        error,
        tuple(one for one in map(_happening, happenings) if one is not None),
    )


def _chat(subject: Subject, event: r.EffectDone | r.EffectFailed) -> tuple[str, dict[str, Value]]:
    answered = str(event.note.get("model", ""))
    attributes: dict[str, Value] = {n.OPERATION: n.CHAT, **_asked_model(subject.model or answered)}
    attributes |= _used(event.usage, event.cost)
    if isinstance(event, r.EffectDone):
        response = unpack_as(event.body, ModelResponse)
        attributes[n.PROVIDER], attributes[n.RESPONSE_MODEL] = _named(answered)
        attributes[n.FINISH_REASONS] = (n.FINISHES.get(response.stop, response.stop),)
        if response.id:
            attributes[n.RESPONSE_ID] = response.id
        if subject.content:
            subject.calls.update((call.id, call) for call in response.tool_calls)
            attributes[n.OUTPUT_MESSAGES] = _json([_told("assistant", response.parts, response.stop)])
    return f"{n.CHAT} {attributes.get(n.REQUEST_MODEL, '')}".rstrip(), attributes


def _tool(subject: Subject, key: str, event: r.EffectDone | r.EffectFailed) -> tuple[str, dict[str, Value]]:
    name, id = tool_of(key), str(event.note.get("call", ""))
    attributes: dict[str, Value] = {n.OPERATION: n.EXECUTE_TOOL, n.TOOL_NAME: name, n.TOOL_TYPE: "function"}
    if id:
        attributes[n.TOOL_CALL_ID] = id
    if event.cost:
        attributes[n.COST] = event.cost
    if subject.content:
        call = subject.calls.pop(id, None)
        if call is not None:
            attributes[n.TOOL_ARGUMENTS] = _json(call.arguments)
        if isinstance(event, r.EffectDone) and event.body != NIL:
            attributes[n.TOOL_RESULT] = _json(unpack(event.body))
    return f"{n.EXECUTE_TOOL} {name}".rstrip(), attributes


def _model(said: Any) -> str:
    """The model of a spec, as `provider/name`."""
    if isinstance(said, dict):
        provider, name = str(said.get("provider", "")), str(said.get("name", ""))
        return f"{provider}/{name}" if provider else name
    return said if isinstance(said, str) else ""


def _named(full: str) -> tuple[str, str]:
    """What the conventions call the provider, and the model."""
    provider, slash, model = full.partition("/")
    return (n.PROVIDERS.get(provider, provider), model) if slash else ("_OTHER", full)


def _asked_model(full: str) -> dict[str, Value]:
    if not full:
        return {}
    provider, model = _named(full)
    return {n.PROVIDER: provider, n.REQUEST_MODEL: model}


def _used(usage: Usage | None, cost: int) -> dict[str, Value]:
    found: dict[str, Value] = {n.COST: cost} if cost else {}
    if usage is not None:
        found |= {n.INPUT_TOKENS: usage.input_tokens, n.OUTPUT_TOKENS: usage.output_tokens}
        if usage.cached_tokens:
            found[n.CACHED_TOKENS] = usage.cached_tokens
        if usage.cache_write_tokens:
            found[n.CACHE_WRITE_TOKENS] = usage.cache_write_tokens
    return found


def _happening(record: r.Record) -> Happening | None:
    match event := decode(record):
        case r.RunWaiting():
            return Happening("waiting", record.at, {"perdure.for": ", ".join(wait.kind for wait in event.waits)})
        case r.RunResumed():
            return Happening("resumed", record.at, {"perdure.reason": event.reason})
        case r.RunPaused():
            return Happening("paused", record.at)
        case r.TickFailed():
            return Happening("attempt failed", record.at, {"perdure.attempt": event.attempt})
        case r.BudgetWarned():
            return Happening("budget is low", record.at, {"perdure.scope": event.scope})
        case _:
            return None


# -- content, in the form of gen-ai-output-messages.json of the conventions --------------------------------------------


def _message(role: str, said: Any) -> dict[str, Any]:
    if isinstance(said, dict) and isinstance(said.get("transcript"), list):  # a conversation that a client sent
        last = msgspec.convert(said["transcript"][-1], Message) if said["transcript"] else None
        return _told(role, last.parts if last is not None else ())
    return {"role": role, "parts": [{"type": "text", "content": said if isinstance(said, str) else _json(said)}]}


def _told(role: str, parts: Iterable[Part], stop: str = "") -> dict[str, Any]:
    shown = [one for one in map(_part, parts) if one is not None]
    return {"role": role, "parts": shown} | ({"finish_reason": n.FINISHES.get(stop, stop)} if stop else {})


def _part(part: Part) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"type": "text", "content": part.text}
        case Thinking():
            return {"type": "reasoning", "content": part.text}
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
        case ToolResult():
            return {"type": "tool_call_response", "id": part.id, "response": [_part(one) for one in part.parts]}
        case _:
            return None


def _json(value: Any) -> str:
    text = to_json(hide_in(msgspec.to_builtins(value))).decode()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
