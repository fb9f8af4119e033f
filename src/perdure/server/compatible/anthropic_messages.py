"""`/v1/messages`, as https://docs.anthropic.com/en/api/messages describes it.

The client's messages are the conversation; the agent keeps its own instructions, model and tools. `system` is what the
user says first. Settings of the sampling are the agent's too, and those of a request are not looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec.structs import replace

from perdure.base.errors import NotSupported, PerdureError, RequestError
from perdure.base.messages import Message, Part, Text
from perdure.base.usage import Usage
from perdure.control.results import RunResult
from perdure.kernel.store.rows import RunRow

from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import JSON, Events, Reply
from ..sse import frame
from .asking import answer, ask, pieces, text_of
from .images import image_of, inline_image

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
    role: str
    content: str | list[dict[str, Any]]


class MessagesRequest(msgspec.Struct, frozen=True):
    """`model` is the name of a published agent."""

    model: str
    messages: list[Said]
    max_tokens: int = 0
    system: str | list[dict[str, Any]] = ""
    stream: bool = False
    tools: list[dict[str, Any]] | None = None


class TextBlock(msgspec.Struct, frozen=True):
    text: str
    type: str = "text"


class TokenUsage(msgspec.Struct, frozen=True):
    input_tokens: int
    output_tokens: int


class MessagesAnswer(msgspec.Struct, frozen=True):
    """The agent's answer; `id` names the run."""

    id: str
    model: str
    content: list[TextBlock]
    usage: TokenUsage
    stop_reason: str | None = None
    stop_sequence: str | None = None
    role: str = "assistant"
    type: str = "message"


async def create(call: Call[MessagesRequest, Nothing]) -> MessagesAnswer | Events:
    asked = call.body
    if asked.tools:
        raise NotSupported("tools of the client's own cannot be passed yet", hint="Give the agent the tools it needs.")
    run = await ask(call, asked.model, messages_of(asked))
    if asked.stream:
        return Events(_frames(call, run), {"perdure-run-id": run.id})
    result = await answer(call, run)
    block = TextBlock(text_of(result.output))
    return MessagesAnswer(_id(run), asked.model, [block], usage_of(result.usage), _reason(result))


def messages_of(asked: MessagesRequest) -> list[Message]:
    """The conversation of a request. Raises RequestError, NotSupported."""
    messages = [Message(_role(one.role), _parts(one.content)) for one in asked.messages]
    if asked.system:
        messages.insert(0, Message("user", _parts(asked.system)))
    return messages


def _role(role: str) -> Any:
    if role not in ("user", "assistant"):
        raise RequestError(f"no message has the role {role[:40]!r}")
    return role


def _parts(content: str | list[dict[str, Any]]) -> tuple[Part, ...]:
    return (Text(content),) if isinstance(content, str) else tuple(map(_part, content))


def _part(part: dict[str, Any]) -> Part:
    match part:
        case {"type": "text", "text": str(text)}:
            return Text(text)
        case {"type": "image", "source": {"type": "base64", "media_type": str(kind), "data": str(data)}}:
            return inline_image(kind, data)
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return image_of(url)
        case _:
            raise NotSupported(f"parts of type {str(part.get('type'))[:40]!r} cannot be passed yet")


def told(problem: Reply) -> Reply:
    """The problem as `{"type": "error", "error": {type, message}}`."""
    body = problem.body
    message = f"{body['detail']} {body['hint']}" if body.get("hint") else body["detail"]
    error = {"type": _TYPES.get(problem.status, "api_error"), "message": message, "code": body["code"]}
    return replace(problem, body={"type": "error", "error": error}, media_type=JSON)


def usage_of(usage: Usage) -> TokenUsage:
    return TokenUsage(usage.input_tokens, usage.output_tokens)


def _id(run: RunRow) -> str:
    return f"msg_{run.id.removeprefix('run_')}"


def _reason(result: RunResult) -> str:
    return "max_tokens" if result.status == "yielded" else "end_turn"


async def _frames(call: Call[MessagesRequest, Nothing], run: RunRow) -> AsyncIterator[bytes]:
    def event(kind: str, **fields: Any) -> bytes:
        return frame(kind, {"type": kind, **fields})

    begun = MessagesAnswer(_id(run), call.body.model, [], TokenUsage(0, 0))
    try:
        yield event("message_start", message=begun)
        yield event("content_block_start", index=0, content_block=TextBlock(""))
        async for piece in pieces(call, run):
            if isinstance(piece, str):
                yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
                continue
            yield event("content_block_stop", index=0)
            end = {"stop_reason": _reason(piece), "stop_sequence": None}
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
