"""Chat and completion: from a job's input to a request of a model, and from its answer to the job's output."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.base.errors import InputError
from perdure.base.messages import Message, ModelRequest, ModelResponse, Part, Role, Text

from .request import ComputeRequest

_FINISH = {"end": "complete", "stop": "complete"}


class _Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Role
    content: str | list[dict[str, Any]]


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    system: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: Annotated[int, Meta(gt=0)] | None = None
    stop: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None


class ChatInput(_Settings, frozen=True, kw_only=True):
    """`{messages: [{role, content}]}`; content is text, or a list of parts such as `{type: text, text: …}`."""

    messages: Annotated[tuple[_Said, ...], Meta(min_length=1)]


class CompleteInput(_Settings, frozen=True, kw_only=True):
    """`{prompt}`."""

    prompt: Annotated[str, Meta(min_length=1)]


def model_request(request: ComputeRequest, model: str) -> ModelRequest:
    """What the model is asked. Raises InputError where the input is not that of a chat or a completion."""
    try:
        asked: ChatInput | CompleteInput
        if request.does == "chat":
            asked = msgspec.convert(request.input, ChatInput)
            messages = tuple(Message(said.role, _parts(said.content)) for said in asked.messages)
        else:
            asked = msgspec.convert(request.input, CompleteInput)
            messages = (Message("user", (Text(asked.prompt),)),)
    except msgspec.ValidationError as error:
        raise InputError(f"the input of a {request.does} job: {error}", kind=request.does) from error
    return ModelRequest(
        model,
        messages,
        system=asked.system,
        temperature=asked.temperature,
        top_p=asked.top_p,
        max_tokens=asked.max_tokens,
        stop=asked.stop,
        output_schema=asked.output_schema,
        timeout_ms=request.timeout_ms or 120_000,
    )


def output_of(kind: str, response: ModelResponse) -> dict[str, Any]:
    """The answer as a job's output."""
    said = {"role": "assistant", "content": response.text} if kind == "chat" else {"text": response.text}
    return said | {"finish_reason": finish_of(response)}


def finish_of(response: ModelResponse) -> str:
    return _FINISH.get(response.stop, response.stop)


def _parts(content: str | list[dict[str, Any]]) -> tuple[Part, ...]:
    return (Text(content),) if isinstance(content, str) else msgspec.convert(content, tuple[Part, ...])
