"""What an AG-UI client sends: a thread with its messages, tools and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from perdure.agents.transcript import Options
from perdure.base.errors import RequestError
from perdure.base.messages import Message, Text, ToolResult

from ..compatible.openai_chat import ChatMessage, message_of
from ..compatible.wishes import tools_of

Id = Annotated[str, Meta(min_length=1, max_length=255)]
_SKIPPED = ("activity", "reasoning")
"""Roles of what is shown to people, and means nothing to the agent."""


class Context(msgspec.Struct, frozen=True):
    description: str
    value: str


class Resume(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to an interrupt, by its id."""

    interrupt_id: str
    status: Literal["resolved", "cancelled"]
    payload: Any = None


class RunAgentInput(msgspec.Struct, frozen=True, rename="camel"):
    """A thread is a durable agent, which remembers what was said: of the messages those count that are new to it."""

    thread_id: Id
    run_id: Id
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = []
    context: list[Context] = []
    resume: list[Resume] = []
    state: Any = None
    forwarded_props: Any = None


def options_of(asked: RunAgentInput) -> Options:
    """Raises RequestError."""
    return Options(tools_of({**tool, "type": "function"} for tool in asked.tools))


def messages_of(asked: RunAgentInput) -> list[Message]:
    """Raises RequestError."""
    return [_message(one) for one in asked.messages if one.get("role") not in _SKIPPED]


def news_of(messages: list[Message]) -> list[Message]:
    """What was said since the agent spoke last."""
    last = max((place for place, one in enumerate(messages) if one.role == "assistant"), default=-1)
    return [one for one in messages[last + 1 :] if one.role == "user"]


def with_context(messages: list[Message], context: list[Context]) -> list[Message]:
    """The messages, with what the page tells of itself before the last."""
    if not context:
        return messages
    told = "\n\n".join(f"{one.description}:\n{one.value}" for one in context)
    return [*messages[:-1], Message("user", (Text(told),)), *messages[-1:]]


def _message(one: dict[str, Any]) -> Message:
    try:
        said = msgspec.convert(
            {
                "role": one.get("role"),
                "content": _content(one.get("content")),
                "tool_calls": one.get("toolCalls"),
                "tool_call_id": one.get("toolCallId", ""),
            },
            ChatMessage,
        )
    except msgspec.ValidationError as error:
        raise RequestError(f"a message is not what is expected: {error}") from error
    message = message_of(said)
    if one.get("error") and isinstance(result := message.parts[0], ToolResult):
        message = replace(message, parts=(replace(result, error=True),))
    return message


def _content(content: Any) -> Any:
    """The content as OpenAI's chat API writes it."""
    return [_part(part) for part in content] if isinstance(content, list) else content


def _part(part: Any) -> Any:
    match part:
        case {"type": "image", "source": {"type": "url", "value": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "image", "source": {"type": "data", "value": str(data), "mimeType": str(kind)}}:
            return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}
        case _:
            return part
