"""A conversation that a client sends as a whole, as a run of a published agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from perdure.agents.transcript import Options, Transcript
from perdure.base.codec import to_json, unpack_as
from perdure.base.errors import BrokenStream, RequestError, SpecNotFound, WrongState
from perdure.base.messages import Message, ModelResponse, Part, StopReason, ToolCall, ToolResult
from perdure.base.usage import Usage
from perdure.control.handing import GoingOn, HandedOver, handed_over
from perdure.control.results import RunResult, usage_of
from perdure.kernel import records as r
from perdure.kernel.failures import error_of
from perdure.kernel.journal import decode
from perdure.kernel.store.rows import RecordFilter
from perdure.tools.client import Given

from ..endpoint import Call
from ..invoke import key_of


class Turn(msgspec.Struct, frozen=True):
    """What came of a request: the agent's last word, or calls for the client to make. `usage` is that of this turn."""

    text: str
    calls: tuple[HandedOver, ...]
    stop: StopReason
    usage: Usage


def id_of(going_on: GoingOn, prefix: str) -> str:
    """An id for the answer: it names the run, and where the run went on for it."""
    id = f"{prefix}{going_on.run.id.removeprefix('run_')}"
    return f"{id}_{going_on.after}" if going_on.after else id


async def ask(
    call: Call[Any, Any], model: str, messages: Sequence[Message], options: Options, *, agent: str = ""
) -> GoingOn:
    """Accept the last message, with all before it as what was said already: to a new agent of the model's name, or to
    the `agent` that there is. Results of calls that a run handed to the client go back to that run.

    Raises SpecNotFound, RequestError.
    """
    if not messages or messages[-1].role == "assistant":
        raise RequestError("the last message has to be one of the user's, or a tool's")
    check_model(call, model, options)
    if (given := given_by(messages)) and (
        going_on := await call.runtime.hand_back(given, spec=model, who=call.who)
    ) is not None:
        return going_on
    transcript = Transcript(joined(messages), options)
    payload = msgspec.to_builtins(transcript, builtin_types=(bytes,))
    run = await call.runtime.accept(
        payload,
        spec=model,
        agent=agent,
        key=key_of(call),
        who=call.who,
        traceparent=call.traceparent,
        tracestate=call.tracestate,
    )
    return GoingOn(run)


def check_model(call: Call[Any, Any], model: str, options: Options) -> None:
    """Raises SpecNotFound where nothing is published under this name, RequestError for tools that it cannot be
    given."""
    try:
        spec = call.runtime.shelf.spec(model)
    except SpecNotFound as error:
        raise SpecNotFound(f"there is no model {model!r}", hint="GET /v1/models lists them.", model=model) from error
    if not options.tools:
        return
    if spec.handler is not None:
        raise RequestError(f"{model} is written in Python, and calls no tools of a client's", hint="Leave them out.")
    for name in call.runtime.library.tools(spec).keys() & {tool.name for tool in options.tools}:
        raise RequestError(f"{model} has a tool {name!r} of its own", hint="Give yours another name.")


def given_by(messages: Sequence[Message]) -> dict[str, Given]:
    """The results that the client sends last, by the ids of their calls. What it says beside them goes with the last
    one: a run that waits for results listens to nothing else."""
    last = next((place for place in range(len(messages) - 1, -1, -1) if messages[place].role == "assistant"), -1)
    parts = [part for message in messages[last + 1 :] for part in message.parts]
    found = {part.id: Given(part.parts, part.error) for part in parts if isinstance(part, ToolResult)}
    beside = tuple(part for part in parts if not isinstance(part, ToolResult))
    if found and beside:
        *_, id = found
        found[id] = replace(found[id], parts=(*found[id].parts, *beside))
    return found


def joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The conversation with the results of one answer's calls in one message, each under the name of its tool. Raises
    RequestError where results and calls do not belong together."""
    found: list[Message] = []
    calls: dict[str, ToolCall] = {}
    results: dict[str, ToolResult] = {}

    def close() -> None:
        if calls:
            missing = ", ".join(id[:80] for id in calls if id not in results)
            if missing:
                raise RequestError(f"no results of {missing}", hint="Each call is followed by its result.")
            found.append(Message("tool", tuple(results[id] for id in calls)))
            calls.clear()
            results.clear()

    for message in messages:
        rest: list[Part] = []
        for part in message.parts:
            if not isinstance(part, ToolResult):
                rest.append(part)
                continue
            if part.id not in calls:
                raise RequestError(f"{part.id[:80]!r} is no call of the message before it")
            results[part.id] = replace(part, name=calls[part.id].name)
        if rest or not message.parts:
            if calls and not results and message.role == found[-1].role:  # an answer in several pieces
                found[-1] = replace(found[-1], parts=(*found[-1].parts, *rest))
            else:
                close()
                found.append(replace(message, parts=tuple(rest)))
            called = {part.id: part for part in rest if isinstance(part, ToolCall)}
            if called and message.role != "assistant":
                raise RequestError("only the assistant calls tools")
            calls |= called
    close()
    return tuple(found)


async def answer(call: Call[Any, Any], asked: GoingOn) -> Turn:
    """How it came out. Raises what the run failed with, and WrongState where it waits for somebody else."""
    return await turn_of(call, asked, await call.runtime.wait(asked.run, beyond=asked.beyond))


async def turn_of(call: Call[Any, Any], asked: GoingOn, result: RunResult) -> Turn:
    """What a result means for the client that asked. Raises what the run failed with, and WrongState where it waits for
    somebody else."""
    calls = handed_over(result)
    if not calls and result.status not in ("done", "yielded"):
        raise _no_answer(result)
    before, now = usage_of(asked.run), result.usage
    usage = Usage(
        max(0, now.input_tokens - before.input_tokens),
        max(0, now.output_tokens - before.output_tokens),
        max(0, now.cached_tokens - before.cached_tokens),
        reasoning_tokens=max(0, now.reasoning_tokens - before.reasoning_tokens),
    )
    said = await _said_last(call, result)
    if calls:
        return Turn(said.text, calls, "tool_calls", usage)
    text = result.output if isinstance(result.output, str) else to_json(result.output).decode()
    return Turn(text, (), "length" if result.status == "yielded" else said.stop, usage)


def _no_answer(result: RunResult) -> Exception:
    if result.error is not None:
        return error_of(result.error)
    waits = "it waits for a person" if result.waiting_for else f"it is {result.status}"
    hint = "POST /approvals/{id}/approve answers what it asks." if result.waiting_for == "approval" else ""
    return WrongState(f"run {result.run_id} has no answer yet: {waits}", hint=hint, run_id=result.run_id)


async def _said_last(call: Call[Any, Any], result: RunResult) -> ModelResponse:
    """The last answer of the run's model; an empty one where it asked none."""
    filter = RecordFilter(result.agent_id, result.run_id, (r.EffectDone.type,))
    for record in await call.runtime.store.records(filter, order="newest", limit=200):
        event = decode(record)
        if isinstance(event, r.EffectDone) and event.kind == "model" and "kept" not in event.note:
            return unpack_as(event.body, ModelResponse)
    return ModelResponse(())


async def pieces(call: Call[Any, Any], asked: GoingOn) -> AsyncIterator[str | Turn]:
    """The answer's text as it comes, and how it came out last. What the agent says between its steps is a paragraph
    each."""
    rest = asyncio.ensure_future(call.runtime.wait(asked.run, beyond=asked.beyond))
    events = call.runtime.hear(asked.run, after=asked.after, until=rest)
    shown, is_first = "", True
    try:
        async for event in events:
            match event.type:
                case "text":
                    fresh = event.text.removeprefix(shown) if event.replaces else event.text
                    if fresh:
                        yield fresh if shown or is_first else f"\n\n{fresh}"
                        shown, is_first = shown + fresh, False
                case "restart" if shown:
                    raise BrokenStream("the answer broke off, and what was sent cannot be taken back: ask again")
                case "model":
                    left = event.text.removeprefix(shown)
                    if left:
                        yield left if shown or is_first else f"\n\n{left}"
                        is_first = False
                    shown = ""
                case _:
                    pass
        yield await turn_of(call, asked, await rest)
    finally:
        rest.cancel()
        await events.aclose()  # type: ignore[attr-defined]
