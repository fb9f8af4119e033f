"""`/v1/chat/completions`, as https://platform.openai.com/docs/api-reference/chat describes it.

The client's messages are the conversation; the agent keeps its own instructions, model and tools. Tools of the client's
come to these, and settings of the sampling count where the agent's file leaves them open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal, assert_never

import msgspec
from msgspec import Meta

from perdure.agents.transcript import Options
from perdure.base.errors import PerdureError, RequestError
from perdure.base.messages import Message, Part, Text, ToolCall, ToolDefinition, ToolResult
from perdure.base.usage import Usage
from perdure.control.handing import GoingOn

from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import Events, encode
from .asking import Turn, answer, ask, id_of, pieces
from .images import image_of
from .openai_errors import told
from .wishes import Count, Share, Temperature, arguments_of, choice_of, schema_of, tools_of

_REASONS = {"tool_calls": "tool_calls", "length": "length", "filter": "content_filter"}


class ChatMessage(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str = ""


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True):
    """`model` is the name of a published agent."""

    model: str
    messages: Annotated[list[ChatMessage], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    stop: str | list[str] | None = None
    reasoning_effort: str | None = None
    response_format: dict[str, Any] | None = None


class CalledFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class ToolCalled(msgspec.Struct, frozen=True):
    id: str
    function: CalledFunction
    type: str = "function"


class AnswerMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    content: str | None
    role: str
    refusal: str | None
    tool_calls: list[ToolCalled] = []


class Choice(msgspec.Struct, frozen=True):
    message: AnswerMessage
    finish_reason: str
    index: int = 0
    logprobs: None = None


class TokenUsage(msgspec.Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(msgspec.Struct, frozen=True):
    """The agent's answer; `id` names the run."""

    id: str
    model: str
    created: int
    choices: list[Choice]
    usage: TokenUsage
    object: str = "chat.completion"


async def complete(call: Call[ChatRequest, Nothing]) -> ChatCompletion | Events:
    asked = call.body
    if asked.n not in (None, 1):
        raise RequestError("`n` has to be 1: an agent gives one answer")
    going_on = await ask(call, asked.model, [message_of(one) for one in asked.messages], options_of(asked))
    run = going_on.run
    if asked.stream:
        return Events(_frames(call, going_on), {"perdure-run-id": run.id})
    turn = await answer(call, going_on)
    message = AnswerMessage(turn.text or None if turn.calls else turn.text, "assistant", None, _called(turn))
    choices = [Choice(message, _REASONS.get(turn.stop, "stop"))]
    return ChatCompletion(
        id_of(going_on, "chatcmpl-"), asked.model, run.created_at // 1000, choices, usage_of(turn.usage)
    )


def options_of(asked: ChatRequest) -> Options:
    """Raises RequestError."""
    tools = tools_of(_function(one) for one in asked.tools or ())
    stop = [asked.stop] if isinstance(asked.stop, str) else asked.stop or ()
    bounds = [bound for bound in (asked.max_completion_tokens, asked.max_tokens) if bound is not None]
    return Options(
        tools,
        tool_choice_of(asked.tool_choice, tools),
        asked.temperature,
        asked.top_p,
        min(bounds, default=None),
        tuple(stop),
        asked.reasoning_effort,
        schema_of(_format(asked.response_format)),
    )


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    """The tool as the Responses API writes it: without a mapping of its own for the function."""
    found = tool.get("function")
    return {"type": tool.get("type"), **(found if isinstance(found, dict) else {})}


def _format(format: dict[str, Any] | None) -> dict[str, Any] | None:
    match format:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return {"type": "json_schema", "schema": schema}
        case _:
            return format


def tool_choice_of(choice: str | dict[str, Any] | None, tools: Sequence[ToolDefinition]) -> str:
    """Raises RequestError."""
    match choice:
        case None:
            return "auto"
        case "auto" | "none":
            return str(choice)
        case "required" if tools:
            return "required"
        case {"type": "function", "function": {"name": name}} | {"type": "function", "name": name}:
            return choice_of(name, tools)
        case _:
            raise RequestError("this is no choice of tools", hint="auto, none, required with tools, or one function.")


def message_of(message: ChatMessage) -> Message:
    """A message of a client's. What a client instructs is said by the user: the agent's own instructions stand above
    it. Raises RequestError."""
    parts = parts_of(message.content)
    match message.role:
        case "tool" if message.tool_call_id:
            return Message("tool", (ToolResult(message.tool_call_id, "", parts),))
        case "assistant":
            return Message("assistant", (*parts, *map(_call_of, message.tool_calls or ())))
        case "user" | "system" | "developer":
            return Message("user", parts or (Text(""),))
        case "tool":
            raise RequestError("a message of a tool names its call, as tool_call_id")
        case other:
            assert_never(other)


def _call_of(call: dict[str, Any]) -> ToolCall:
    match call:
        case {"id": str(id), "function": {"name": str(name), **rest}}:
            return ToolCall(id, name, arguments_of(rest.get("arguments")))
        case _:
            raise RequestError("calls are of functions, with an id and a name")


def parts_of(content: str | list[dict[str, Any]] | None) -> tuple[Part, ...]:
    """Raises RequestError."""
    if not content:
        return ()
    return (Text(content),) if isinstance(content, str) else tuple(map(_part, content))


def _part(part: dict[str, Any]) -> Part:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return Text(text)
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return image_of(url)
        case _:
            raise RequestError(f"parts of type {str(part.get('type'))[:40]!r} cannot be passed yet")


def usage_of(usage: Usage) -> TokenUsage:
    return TokenUsage(usage.input_tokens, usage.output_tokens, usage.input_tokens + usage.output_tokens)


def _called(turn: Turn) -> list[ToolCalled]:
    return [ToolCalled(one.id, CalledFunction(one.name, encode(one.arguments).decode())) for one in turn.calls]


async def _frames(call: Call[ChatRequest, Nothing], going_on: GoingOn) -> AsyncIterator[bytes]:
    asked, run = call.body, going_on.run
    with_usage = asked.stream_options is not None and asked.stream_options.include_usage
    base = {
        "id": id_of(going_on, "chatcmpl-"),
        "object": "chat.completion.chunk",
        "created": run.created_at // 1000,
        "model": asked.model,
    }

    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return _frame({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    try:
        yield chunk({"role": "assistant", "content": ""})
        async for piece in pieces(call, going_on):
            if isinstance(piece, str):
                yield chunk({"content": piece})
                continue
            for index, one in enumerate(_called(piece)):
                yield chunk({"tool_calls": [{"index": index, **msgspec.to_builtins(one)}]})
            yield chunk({}, _REASONS.get(piece.stop, "stop"))
            if with_usage:
                yield _frame({**base, "choices": [], "usage": usage_of(piece.usage)})
        yield b"data: [DONE]\n\n"
    except PerdureError as error:
        yield _frame(told(problem(error)).body)


def _frame(value: Any) -> bytes:
    return b"data: %b\n\n" % encode(value)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/chat/completions",
        complete,
        scope="send",
        body=ChatRequest,
        answer=ChatCompletion,
        streams=True,
        told=told,
    ),
)
