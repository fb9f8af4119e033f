"""`/v1/chat/completions`, as https://platform.openai.com/docs/api-reference/chat describes it.

The client's messages are the conversation; the agent keeps its own instructions, model and tools. Settings of the
sampling are the agent's too, and those of a request are not looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from perdure.base.errors import NotSupported, PerdureError, RequestError
from perdure.base.messages import Message, Part, Text
from perdure.base.usage import Usage
from perdure.control.results import RunResult
from perdure.kernel.store.rows import RunRow

from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import Events, encode
from .asking import answer, ask, pieces, text_of
from .images import image_of
from .openai_errors import told


class ChatMessage(msgspec.Struct, frozen=True):
    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] = []


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True):
    """`model` is the name of a published agent."""

    model: str
    messages: list[ChatMessage]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    tools: list[dict[str, Any]] | None = None


class AnswerMessage(msgspec.Struct, frozen=True):
    content: str
    role: str = "assistant"
    refusal: str | None = None


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
    if asked.tools:
        raise NotSupported("tools of the client's own cannot be passed yet", hint="Give the agent the tools it needs.")
    run = await ask(call, asked.model, [message_of(one) for one in asked.messages])
    if asked.stream:
        return Events(_frames(call, run), {"perdure-run-id": run.id})
    result = await answer(call, run)
    choice = Choice(AnswerMessage(text_of(result.output)), _reason(result))
    return ChatCompletion(_id(run), asked.model, run.created_at // 1000, [choice], usage_of(result.usage))


def message_of(message: ChatMessage) -> Message:
    """A message of a client's. What a client instructs is said by the user: the agent's own instructions stand above
    it. Raises RequestError, NotSupported."""
    if message.role in ("tool", "function") or message.tool_calls:
        raise NotSupported("calls of a client's own tools cannot be passed yet", hint="Leave these messages out.")
    if message.role not in ("user", "assistant", "system", "developer"):
        raise RequestError(f"no message has the role {message.role[:40]!r}")
    content = message.content or ""
    parts = (Text(content),) if isinstance(content, str) else tuple(map(_part, content))
    return Message("assistant" if message.role == "assistant" else "user", parts)


def _part(part: dict[str, Any]) -> Part:
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return Text(text)
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return image_of(url)
        case _:
            raise NotSupported(f"parts of type {str(part.get('type'))[:40]!r} cannot be passed yet")


def usage_of(usage: Usage) -> TokenUsage:
    return TokenUsage(usage.input_tokens, usage.output_tokens, usage.input_tokens + usage.output_tokens)


def _id(run: RunRow) -> str:
    return f"chatcmpl-{run.id.removeprefix('run_')}"


def _reason(result: RunResult) -> str:
    return "length" if result.status == "yielded" else "stop"


async def _frames(call: Call[ChatRequest, Nothing], run: RunRow) -> AsyncIterator[bytes]:
    asked = call.body
    with_usage = asked.stream_options is not None and asked.stream_options.include_usage
    base = {"id": _id(run), "object": "chat.completion.chunk", "created": run.created_at // 1000, "model": asked.model}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return _frame({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    try:
        yield chunk({"role": "assistant", "content": ""})
        async for piece in pieces(call, run):
            if isinstance(piece, str):
                yield chunk({"content": piece})
                continue
            yield chunk({}, _reason(piece))
            if with_usage:
                yield _frame({**base, "choices": [], "usage": usage_of(piece.usage)})
        yield b"data: [DONE]\n\n"
    except PerdureError as error:
        yield _frame(told(problem(error)).body)


def _frame(value: Any) -> bytes:
    return b"data: %b\n\n" % encode(value)


PATH = "/v1/chat/completions"
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
