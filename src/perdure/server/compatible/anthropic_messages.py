"""`/v1/messages`, as https://docs.anthropic.com/en/api/messages describes it.

The client's messages are the conversation; the agent keeps its own instructions, model and tools. `system` is what the
user says first. Tools of the client's come to the agent's own, and settings of the sampling count where its file leaves
them open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from perdure.agents.transcript import Options
from perdure.base.errors import PerdureError, RequestError
from perdure.base.messages import Message, Part, Text, ToolCall, ToolDefinition, ToolResult
from perdure.base.usage import Usage
from perdure.control.handing import GoingOn

from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import JSON, Events, Reply, encode
from ..sse import frame
from .asking import Turn, answer, ask, id_of, pieces
from .images import image_of, inline_image
from .wishes import Count, Share, arguments_of, choice_of, tools_of

_REASONS = {"tool_calls": "tool_use", "length": "max_tokens", "stop": "stop_sequence", "filter": "refusal"}

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


class Said(msgspec.Struct, frozen=True):
    role: Literal["user", "assistant"]
    content: str | list[dict[str, Any]]


class MessagesRequest(msgspec.Struct, frozen=True):
    """`model` is the name of a published agent."""

    model: str
    messages: Annotated[list[Said], Meta(min_length=1)]
    max_tokens: Count | None = None
    system: str | list[dict[str, Any]] = ""
    stream: bool = False
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    stop_sequences: list[str] = []


class TextBlock(msgspec.Struct, frozen=True, tag="text"):
    text: str


class ToolUseBlock(msgspec.Struct, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: Mapping[str, Any]


class TokenUsage(msgspec.Struct, frozen=True):
    input_tokens: int
    output_tokens: int


class MessagesAnswer(msgspec.Struct, frozen=True):
    """The agent's answer; `id` names the run."""

    id: str
    model: str
    content: list[TextBlock | ToolUseBlock]
    usage: TokenUsage
    stop_reason: str | None = None
    stop_sequence: str | None = None
    role: str = "assistant"
    type: str = "message"


async def create(call: Call[MessagesRequest, Nothing]) -> MessagesAnswer | Events:
    asked = call.body
    going_on = await ask(call, asked.model, messages_of(asked), options_of(asked))
    run = going_on.run
    if asked.stream:
        return Events(_frames(call, going_on), {"perdure-run-id": run.id})
    turn = await answer(call, going_on)
    said = [TextBlock(turn.text)] if turn.text or not turn.calls else []
    reason = _REASONS.get(turn.stop, "end_turn")
    return MessagesAnswer(id_of(going_on, "msg_"), asked.model, [*said, *_used(turn)], usage_of(turn.usage), reason)


def options_of(asked: MessagesRequest) -> Options:
    """Raises RequestError."""
    tools = tools_of(({"type": "custom", **one} for one in asked.tools or ()), parameters="input_schema")
    return Options(
        tools,
        _choice(asked.tool_choice, tools),
        asked.temperature,
        asked.top_p,
        asked.max_tokens,
        tuple(asked.stop_sequences),
    )


def _choice(choice: dict[str, Any] | None, tools: Sequence[ToolDefinition]) -> str:
    match choice:
        case None | {"type": "auto"}:
            return "auto"
        case {"type": "none"}:
            return "none"
        case {"type": "any"} if tools:
            return "required"
        case {"type": "tool", "name": name}:
            return choice_of(name, tools)
        case _:
            raise RequestError("this is no choice of tools", hint="auto, none, any with tools, or one tool.")


def messages_of(asked: MessagesRequest) -> list[Message]:
    """The conversation of a request. Raises RequestError."""
    messages = [Message(one.role, parts_of(one.content)) for one in asked.messages]
    if asked.system:
        messages.insert(0, Message("user", parts_of(asked.system)))
    return messages


def parts_of(content: Any) -> tuple[Part, ...]:
    """Raises RequestError. Thoughts are left out: only the model that had them can use them."""
    match content:
        case None | "":
            return ()
        case str():
            return (Text(content),)
        case list() if all(isinstance(part, dict) for part in content):
            return tuple(_part(part) for part in content if part.get("type") not in ("thinking", "redacted_thinking"))
        case _:
            raise RequestError("content is text, or a list of blocks")


def _part(part: dict[str, Any]) -> Part:
    match part:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "image", "source": {"type": "base64", "media_type": str(kind), "data": str(data)}}:
            return inline_image(kind, data)
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return image_of(url)
        case {"type": "tool_use", "id": str(id), "name": str(name)}:
            return ToolCall(id, name, arguments_of(part.get("input")))
        case {"type": "tool_result", "tool_use_id": str(id)}:
            return ToolResult(id, "", parts_of(part.get("content")), error=bool(part.get("is_error")))
        case _:
            raise RequestError(f"parts of type {str(part.get('type'))[:40]!r} cannot be passed yet")


def told(problem: Reply) -> Reply:
    """The problem as `{"type": "error", "error": {type, message}}`."""
    body = problem.body
    message = f"{body['detail']} {body['hint']}" if body.get("hint") else body["detail"]
    error = {"type": _TYPES.get(problem.status, "api_error"), "message": message, "code": body["code"]}
    return replace(problem, body={"type": "error", "error": error}, media_type=JSON)


def usage_of(usage: Usage) -> TokenUsage:
    return TokenUsage(usage.input_tokens, usage.output_tokens)


def _used(turn: Turn) -> list[ToolUseBlock]:
    return [ToolUseBlock(one.id, one.name, one.arguments) for one in turn.calls]


async def _frames(call: Call[MessagesRequest, Nothing], going_on: GoingOn) -> AsyncIterator[bytes]:
    def event(kind: str, **fields: Any) -> bytes:
        return frame(kind, {"type": kind, **fields})

    begun = MessagesAnswer(id_of(going_on, "msg_"), call.body.model, [], TokenUsage(0, 0))
    try:
        yield event("message_start", message=begun)
        yield event("content_block_start", index=0, content_block=TextBlock(""))
        async for piece in pieces(call, going_on):
            if isinstance(piece, str):
                yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
                continue
            yield event("content_block_stop", index=0)
            for index, used in enumerate(_used(piece), 1):
                written = {"type": "input_json_delta", "partial_json": encode(used.input).decode()}
                yield event("content_block_start", index=index, content_block=replace(used, input={}))
                yield event("content_block_delta", index=index, delta=written)
                yield event("content_block_stop", index=index)
            end = {"stop_reason": _REASONS.get(piece.stop, "end_turn"), "stop_sequence": None}
            yield event("message_delta", delta=end, usage=usage_of(piece.usage))
            yield event("message_stop")
    except PerdureError as error:
        yield frame("error", told(problem(error)).body)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/messages",
        create,
        scope="send",
        body=MessagesRequest,
        answer=MessagesAnswer,
        streams=True,
        told=told,
    ),
)
