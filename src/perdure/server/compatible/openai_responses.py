"""`/v1/responses`, as https://platform.openai.com/docs/api-reference/responses describes it.

`previous_response_id` goes on with the conversation of that answer, which is the agent's own: it remembers the work of
its tools too. Without it the input is the conversation. Settings of a request are not looked at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec

from perdure.base.errors import NotSupported, PerdureError, RequestError, RunNotFound
from perdure.base.messages import Message, Text
from perdure.base.usage import Usage
from perdure.control.finding import find_run
from perdure.kernel.store.rows import RunRow

from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import Events
from ..sse import frame
from .asking import answer, ask, pieces, text_of
from .openai_chat import ChatMessage, message_of
from .openai_errors import told


class InputItem(msgspec.Struct, frozen=True):
    role: str = ""
    content: str | list[dict[str, Any]] = ""
    type: str = "message"


class ResponsesRequest(msgspec.Struct, frozen=True):
    """`model` is the name of a published agent."""

    model: str
    input: str | list[InputItem]
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None


class OutputText(msgspec.Struct, frozen=True):
    text: str
    type: str = "output_text"
    annotations: list[Any] = []


class OutputMessage(msgspec.Struct, frozen=True):
    id: str
    content: list[OutputText]
    status: str = "completed"
    role: str = "assistant"
    type: str = "message"


class TokenUsage(msgspec.Struct, frozen=True):
    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: dict[str, int]
    output_tokens_details: dict[str, int]


class Response(msgspec.Struct, frozen=True):
    """The agent's answer; `id` names the run."""

    id: str
    model: str
    created_at: int
    status: Literal["in_progress", "completed", "incomplete"]
    output: list[OutputMessage] = []
    usage: TokenUsage | None = None
    previous_response_id: str | None = None
    incomplete_details: dict[str, str] | None = None
    error: None = None
    instructions: None = None
    metadata: dict[str, str] = {}
    parallel_tool_calls: bool = True
    tool_choice: str = "auto"
    tools: list[Any] = []
    object: str = "response"


async def create(call: Call[ResponsesRequest, Nothing]) -> Response | Events:
    asked = call.body
    if asked.tools:
        raise NotSupported("tools of the client's own cannot be passed yet", hint="Give the agent the tools it needs.")
    before = "" if asked.previous_response_id is None else await _agent_of(call, asked.previous_response_id)
    run = await ask(call, asked.model, messages_of(asked), agent=before)
    if asked.stream:
        return Events(_frames(call, run), {"perdure-run-id": run.id})
    result = await answer(call, run)
    return _response(asked, run, text_of(result.output), result.usage, result.status == "yielded")


def messages_of(asked: ResponsesRequest) -> list[Message]:
    """The messages of a request. Raises RequestError, NotSupported."""
    messages = [Message("user", (Text(asked.instructions),))] if asked.instructions else []
    if isinstance(asked.input, str):
        return [*messages, Message("user", (Text(asked.input),))]
    for item in asked.input:
        if item.type != "message":
            raise NotSupported(f"items of type {item.type[:40]!r} cannot be passed yet")
        content = item.content if isinstance(item.content, str) else [_part(part) for part in item.content]
        messages.append(message_of(ChatMessage(item.role, content)))
    return messages


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """The part as the chat API writes it."""
    if part.get("type") == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    return part


async def _agent_of(call: Call[Any, Any], response_id: str) -> str:
    try:
        return (await find_run(call.runtime.store, f"run_{response_id.removeprefix('resp_')}")).agent_id
    except RunNotFound as error:
        raise RequestError(f"no response {response_id[:80]!r}", hint="Begin without previous_response_id.") from error


def _response(asked: ResponsesRequest, run: RunRow, text: str, usage: Usage, is_cut: bool) -> Response:
    return Response(
        _id(run, "resp"),
        asked.model,
        run.created_at // 1000,
        "incomplete" if is_cut else "completed",
        [_message(run, text)],
        usage_of(usage),
        asked.previous_response_id,
        {"reason": "max_output_tokens"} if is_cut else None,
    )


def _message(run: RunRow, text: str) -> OutputMessage:
    return OutputMessage(_id(run, "msg"), [OutputText(text)])


def _id(run: RunRow, prefix: str) -> str:
    return f"{prefix}_{run.id.removeprefix('run_')}"


def usage_of(usage: Usage) -> TokenUsage:
    return TokenUsage(
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens + usage.output_tokens,
        {"cached_tokens": usage.cached_tokens},
        {"reasoning_tokens": usage.reasoning_tokens},
    )


async def _frames(call: Call[ResponsesRequest, Nothing], run: RunRow) -> AsyncIterator[bytes]:
    asked, number, said = call.body, -1, ""
    message = _id(run, "msg")
    here = {"item_id": message, "output_index": 0, "content_index": 0}

    def event(kind: str, **fields: Any) -> bytes:
        nonlocal number
        number += 1
        return frame(kind, {"type": kind, "sequence_number": number, **fields})

    begun = Response(_id(run, "resp"), asked.model, run.created_at // 1000, "in_progress")
    try:
        yield event("response.created", response=begun)
        yield event("response.in_progress", response=begun)
        empty = OutputMessage(message, [], "in_progress")
        yield event("response.output_item.added", output_index=0, item=empty)
        yield event("response.content_part.added", **here, part=OutputText(""))
        async for piece in pieces(call, run):
            if isinstance(piece, str):
                said += piece
                yield event("response.output_text.delta", **here, delta=piece, logprobs=[])
                continue
            is_cut = piece.status == "yielded"
            whole = _response(asked, run, said, piece.usage, is_cut)
            yield event("response.output_text.done", **here, text=said, logprobs=[])
            yield event("response.content_part.done", **here, part=OutputText(said))
            yield event("response.output_item.done", output_index=0, item=whole.output[0])
            yield event("response.incomplete" if is_cut else "response.completed", response=whole)
    except PerdureError as error:
        wrong = told(problem(error)).body["error"]
        yield event("error", code=wrong["code"], message=wrong["message"], param=None)


ENDPOINTS = (
    Endpoint(
        "POST", "/v1/responses", create, scope="send", body=ResponsesRequest, answer=Response, streams=True, told=told
    ),
)
