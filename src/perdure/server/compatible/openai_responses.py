"""`/v1/responses`, as https://platform.openai.com/docs/api-reference/responses describes it.

`previous_response_id` goes on with the conversation of that answer, which is the agent's own: it remembers the work of
its tools too. Without it the input is the conversation. Tools of the client's come to the agent's own, and settings of
the sampling count where its file leaves them open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from perdure.agents.transcript import Options
from perdure.base.errors import PerdureError, RequestError, RunNotFound
from perdure.base.messages import Message, Text, ToolCall, ToolResult
from perdure.base.usage import Usage
from perdure.control.finding import find_run
from perdure.control.handing import GoingOn

from ..endpoint import Call, Endpoint, Nothing
from ..problems import problem
from ..reply import Events, encode
from ..sse import frame
from .asking import Turn, answer, ask, given_by, id_of, pieces
from .openai_chat import ChatMessage, message_of, parts_of, tool_choice_of
from .openai_errors import told
from .wishes import Count, Share, Temperature, arguments_of, schema_of, tools_of


class InputItem(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant"] = "user"
    content: str | list[dict[str, Any]] | None = ""
    type: Literal["message", "function_call", "function_call_output", "reasoning"] = "message"
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str | list[dict[str, Any]] = ""


class Reasoning(msgspec.Struct, frozen=True):
    effort: str | None = None


class TextFormat(msgspec.Struct, frozen=True):
    format: dict[str, Any] | None = None


class ResponsesRequest(msgspec.Struct, frozen=True):
    """`model` is the name of a published agent."""

    model: str
    input: str | Annotated[list[InputItem], Meta(min_length=1)]
    instructions: str | None = None
    previous_response_id: str | None = None
    stream: bool | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    max_output_tokens: Count | None = None
    reasoning: Reasoning | None = None
    text: TextFormat | None = None


class OutputText(msgspec.Struct, frozen=True):
    text: str
    type: str = "output_text"
    annotations: list[Any] = []


class OutputMessage(msgspec.Struct, frozen=True, tag="message"):
    id: str
    content: list[OutputText]
    status: str = "completed"
    role: str = "assistant"


class FunctionCall(msgspec.Struct, frozen=True, tag="function_call"):
    id: str
    call_id: str
    name: str
    arguments: str
    status: str = "completed"


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
    output: list[OutputMessage | FunctionCall] = []
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
    messages = messages_of(asked)
    before = "" if asked.previous_response_id is None else await _agent_of(call, asked.previous_response_id, messages)
    going_on = await ask(call, asked.model, messages, options_of(asked), agent=before)
    if asked.stream:
        return Events(_frames(call, going_on), {"perdure-run-id": going_on.run.id})
    turn = await answer(call, going_on)
    return _response(asked, going_on, turn, turn.text)


def options_of(asked: ResponsesRequest) -> Options:
    """Raises RequestError."""
    tools = tools_of(asked.tools)
    return Options(
        tools,
        tool_choice_of(asked.tool_choice, tools),
        asked.temperature,
        asked.top_p,
        asked.max_output_tokens,
        reasoning_effort=asked.reasoning.effort if asked.reasoning is not None else None,
        output_schema=schema_of(asked.text.format) if asked.text is not None else None,
    )


def messages_of(asked: ResponsesRequest) -> list[Message]:
    """The messages of a request. Raises RequestError."""
    messages = [Message("user", (Text(asked.instructions),))] if asked.instructions else []
    if isinstance(asked.input, str):
        return [*messages, Message("user", (Text(asked.input),))]
    for item in asked.input:
        match item.type:
            case "message":
                messages.append(message_of(ChatMessage(item.role, _content(item.content))))
            case "function_call" if item.call_id and item.name:
                called = ToolCall(item.call_id, item.name, arguments_of(item.arguments))
                messages.append(Message("assistant", (called,)))
            case "function_call_output" if item.call_id:
                given = parts_of(_content(item.output))
                messages.append(Message("tool", (ToolResult(item.call_id, "", given),)))
            case "reasoning":
                continue  # it means something to the model alone that had it
            case _:
                raise RequestError(f"an item of type {item.type} lacks the id of its call, or its name")
    return messages


def _content(content: str | list[dict[str, Any]] | None) -> str | list[dict[str, Any]] | None:
    """The content as the chat API writes it."""
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: dict[str, Any]) -> dict[str, Any]:
    if part.get("type") == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    return part


async def _agent_of(call: Call[Any, Any], response_id: str, messages: list[Message]) -> str:
    """The agent that gave that answer. Raises RequestError where it waits for results that these messages are none of:
    nothing else can be said to it before."""
    try:
        run = await find_run(call.runtime.store, f"run_{response_id.removeprefix('resp_').partition('_')[0]}")
    except RunNotFound as error:
        raise RequestError(f"no response {response_id[:80]!r}", hint="Begin without previous_response_id.") from error
    if run.waiting_for == "tool" and not given_by(messages):
        raise RequestError(f"{response_id} called tools, and their results are missing", hint="Send them first.")
    return run.agent_id


def _response(asked: ResponsesRequest, going_on: GoingOn, turn: Turn, text: str) -> Response:
    is_cut = turn.stop == "length"
    said = [_message(going_on, text)] if text or not turn.calls else []
    return Response(
        id_of(going_on, "resp_"),
        asked.model,
        going_on.run.created_at // 1000,
        "incomplete" if is_cut else "completed",
        [*said, *_called(turn)],
        usage_of(turn.usage),
        asked.previous_response_id,
        {"reason": "max_output_tokens"} if is_cut else None,
    )


def _called(turn: Turn) -> list[FunctionCall]:
    return [FunctionCall(f"fc_{one.id}", one.id, one.name, encode(one.arguments).decode()) for one in turn.calls]


def _message(going_on: GoingOn, text: str) -> OutputMessage:
    return OutputMessage(id_of(going_on, "msg_"), [OutputText(text)])


def usage_of(usage: Usage) -> TokenUsage:
    return TokenUsage(
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens + usage.output_tokens,
        {"cached_tokens": usage.cached_tokens},
        {"reasoning_tokens": usage.reasoning_tokens},
    )


async def _frames(call: Call[ResponsesRequest, Nothing], going_on: GoingOn) -> AsyncIterator[bytes]:
    asked, run, number, said = call.body, going_on.run, -1, ""
    message = id_of(going_on, "msg_")
    here = {"item_id": message, "output_index": 0, "content_index": 0}

    def event(kind: str, **fields: Any) -> bytes:
        nonlocal number
        number += 1
        return frame(kind, {"type": kind, "sequence_number": number, **fields})

    begun = Response(id_of(going_on, "resp_"), asked.model, run.created_at // 1000, "in_progress")
    try:
        yield event("response.created", response=begun)
        yield event("response.in_progress", response=begun)
        async for piece in pieces(call, going_on):
            if isinstance(piece, str):
                if not said:
                    empty = OutputMessage(message, [], "in_progress")
                    yield event("response.output_item.added", output_index=0, item=empty)
                    yield event("response.content_part.added", **here, part=OutputText(""))
                said += piece
                yield event("response.output_text.delta", **here, delta=piece, logprobs=[])
                continue
            whole = _response(asked, going_on, piece, said)
            if said:
                yield event("response.output_text.done", **here, text=said, logprobs=[])
                yield event("response.content_part.done", **here, part=OutputText(said))
            for index, item in enumerate(whole.output):
                if isinstance(item, FunctionCall):
                    about = {"item_id": item.id, "output_index": index}
                    begins = replace(item, arguments="", status="in_progress")
                    yield event("response.output_item.added", output_index=index, item=begins)
                    yield event("response.function_call_arguments.delta", **about, delta=item.arguments)
                    yield event(
                        "response.function_call_arguments.done", **about, name=item.name, arguments=item.arguments
                    )
                elif not said:
                    yield event("response.output_item.added", output_index=index, item=item)
                yield event("response.output_item.done", output_index=index, item=item)
            yield event("response.incomplete" if piece.stop == "length" else "response.completed", response=whole)
    except PerdureError as error:
        wrong = told(problem(error)).body["error"]
        yield event("error", code=wrong["code"], message=wrong["message"], param=None)


ENDPOINTS = (
    Endpoint(
        "POST", "/v1/responses", create, scope="send", body=ResponsesRequest, answer=Response, streams=True, told=told
    ),
)
