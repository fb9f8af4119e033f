"""What is said between people, models and tools: messages made of parts.

Here and in other values, `gc=False` spares Python's cycle collector the look at things that are never part of a cycle.
"""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from .usage import NO_USAGE, Usage


class Text(msgspec.Struct, frozen=True, gc=False, tag="text", omit_defaults=True):
    """Text as part of a message."""

    text: str


class Thinking(msgspec.Struct, frozen=True, gc=False, tag="thinking", omit_defaults=True):
    """A model's reasoning. `signature` is the provider's seal; such a part must be sent back unchanged."""

    text: str = ""
    signature: str = ""


class Media(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Base of image, audio and file: either `data` (raw bytes) or `url`, with the IANA `media_type`."""

    media_type: str
    data: bytes = b""
    url: str = ""
    name: str = ""


class Image(Media, frozen=True, tag="image", omit_defaults=True):
    """An image as part of a message: either `data` (raw bytes) or `url`, with its IANA `media_type`."""


class Audio(Media, frozen=True, tag="audio", omit_defaults=True):
    """Sound as part of a message: either `data` (raw bytes) or `url`, with its IANA `media_type`."""


class File(Media, frozen=True, tag="file", omit_defaults=True):
    """A document as part of a message: either `data` (raw bytes) or `url`, with its IANA `media_type`."""


class ToolCall(msgspec.Struct, frozen=True, gc=False, tag="tool_call", omit_defaults=True):
    """A model asks for a tool. `arguments` is a mapping, or the raw text where the model wrote no valid JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | str = {}
    signature: str = ""


class ToolResult(msgspec.Struct, frozen=True, gc=False, tag="tool_result", omit_defaults=True):
    """The answer to the tool call `id`. `error` marks a failure that the model should read and act on."""

    id: str
    name: str
    parts: "tuple[Part, ...]" = ()
    error: bool = False


class Opaque(msgspec.Struct, frozen=True, gc=False, tag="opaque", omit_defaults=True):
    """Something of one provider's that means nothing to others and must be sent back to it as it came."""

    provider: str
    data: Any


Part: TypeAlias = Text | Thinking | Image | Audio | File | ToolCall | ToolResult | Opaque
Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
StopReason: TypeAlias = Literal["end", "tool_calls", "length", "stop", "filter", "other"]


def text_of(parts: Sequence[Part]) -> str:
    """The text in these parts, joined."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return "".join([part.text for part in parts if isinstance(part, Text)])


class Message(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return text_of(self.parts)


class ToolDefinition(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a model is told of a tool; `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One question to a model. `stream` asks for deltas as they come; without it the answer comes in one piece.

    `timeout_ms` bounds the whole call. `output_schema` is a JSON Schema that the answer's text must meet, where the
    provider can enforce one. `extra` goes into the provider's request body as it stands.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: str = "auto"  # auto | required | none | a tool's name
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    output_schema: dict[str, Any] | None = None
    thinking_tokens: int | None = None
    reasoning_effort: str | None = None
    stream: bool = False
    timeout_ms: int = 120_000
    extra: dict[str, Any] = {}


class ModelResponse(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A model's whole answer. `usage` is None where the provider did not report any."""

    parts: tuple[Part, ...]
    stop: StopReason = "end"
    usage: Usage | None = None
    model: str = ""
    id: str = ""

    @property
    def text(self) -> str:
        return text_of(self.parts)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple([part for part in self.parts if isinstance(part, ToolCall)])

    @property
    def used(self) -> Usage:
        return self.usage or NO_USAGE


class TextDelta(msgspec.Struct, frozen=True, gc=False, tag="text"):
    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, gc=False, tag="thinking"):
    text: str


class ToolCallDelta(msgspec.Struct, frozen=True, gc=False, tag="tool_call"):
    """A piece of a tool call: the first for an `index` has id and name, later ones add to `arguments` (JSON text)."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class Restart(msgspec.Struct, frozen=True, gc=False, tag="restart"):
    """The stream broke and the call is made again: what was shown so far of this answer is void."""

    reason: str = ""


class Finished(msgspec.Struct, frozen=True, gc=False, tag="finished"):
    """Always the last: the whole answer."""

    response: ModelResponse


Delta: TypeAlias = TextDelta | ThinkingDelta | ToolCallDelta | Restart | Finished
