"""A text protocol for models that cannot call tools: Thought, Action, Observation.

A model wraps a model: tools become instructions, results become observations, and the text that comes back becomes tool
calls or the answer. The loop notices nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from perdure.base.codec import from_json, to_json
from perdure.base.messages import (
    Delta,
    Finished,
    Message,
    ModelRequest,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolDefinition,
    ToolResult,
)
from perdure.compute.port import Model, generate

_PROTOCOL = """\
You can use tools by writing text. To use one, write exactly:
Thought: why you need it
Action: tool_name({{"argument": "value"}})
Then stop; the result comes as `Observation:`. The arguments are one JSON object. Use one action at a time.
When you can answer, write:
Thought: why you are done
Answer: the answer

Tools:
{tools}"""

_STOP = "\nObservation:"


class TextProtocol:
    """Lets `model` use tools by writing about them."""

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self._model = model

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        if not request.tools:
            async for delta in self._model.stream(request):
                yield delta
            return
        told = _PROTOCOL.format(tools="\n".join(map(_described, request.tools)))
        asked = msgspec.structs.replace(
            request,
            system=f"{request.system}\n\n{told}".strip(),
            messages=tuple(map(_as_text, request.messages)),
            tools=(),
            stop=(*request.stop, _STOP),
            stream=False,
        )
        response = await generate(self._model, asked)
        number = sum(len(m.parts) for m in request.messages if m.role == "tool") + 1
        parts = tuple(parse(response.text, number))
        called = any(isinstance(part, ToolCall) for part in parts)
        yield Finished(msgspec.structs.replace(response, parts=parts, stop="tool_calls" if called else "end"))


def parse(text: str, number: int = 1) -> list[Part]:
    """What a model wrote, as parts: the first action wins over an answer, as the answer after it was made up.

    An action is `name(arguments)`, where arguments are a JSON object, or any text, which then stays text. Parentheses
    and quotes may nest. `number` makes the call's id.
    """
    thought, rest = _split(text)
    parts: list[Part] = [Thinking(thought)] if thought else []
    action = _after(rest, "Action:")
    if action is not None and (found := _call(action)) is not None:
        name, arguments = found
        return [*parts, ToolCall(f"call_{number}", name, _arguments(arguments))]
    answer = _after(rest, "Answer:")
    return [*parts, Text((rest if answer is None else answer).strip())]


def _split(text: str) -> tuple[str, str]:
    """The thought at the beginning, and everything after it."""
    text = text.partition(_STOP)[0].strip()
    if not text.startswith("Thought:"):
        return "", text
    ends = [place for mark in ("\nAction:", "\nAnswer:") if (place := text.find(mark)) >= 0]
    end = min(ends, default=len(text))
    return text[len("Thought:") : end].strip(), text[end:].strip()


def _after(text: str, mark: str) -> str | None:
    if text.startswith(mark):
        return text[len(mark) :].strip()
    place = text.find(f"\n{mark}")
    return None if place < 0 else text[place + len(mark) + 1 :].strip()


def _call(text: str) -> tuple[str, str] | None:
    """`name(arguments)` at the beginning of the text; the closing parenthesis is the one that matches."""
    name, opened, rest = text.partition("(")
    name = name.strip().strip("`*")
    if not opened or not name or any(character.isspace() for character in name):
        return None
    depth, quote, escaped = 1, "", False
    for place, character in enumerate(rest):
        if quote:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character == '"' or (character == "'" and not _is_apostrophe(rest, place)):
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return name, rest[:place].strip()
    return None


def _is_apostrophe(text: str, place: int) -> bool:
    """Whether the quote stands inside a word, as in `what's`."""
    return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()


def _arguments(text: str) -> dict[str, Any] | str:
    if not text:
        return {}
    try:
        value = from_json(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def _described(tool: ToolDefinition) -> str:
    return f"- {tool.name}: {tool.description}\n  arguments: {to_json(tool.parameters).decode()}"


def _as_text(message: Message) -> Message:
    """A message without calls and results, as this protocol writes them."""
    if message.role == "tool":
        return Message("user", tuple(Text(f"Observation: {text}") for text in _observed(message.parts)))
    if message.role == "assistant":
        return Message("assistant", (Text("\n".join(_said(message.parts))),))
    return message


def _observed(parts: Iterable[Part]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, ToolResult):
            yield "".join(one.text for one in part.parts if isinstance(one, Text))


def _said(parts: Iterable[Part]) -> Iterable[str]:
    for part in parts:
        if isinstance(part, Thinking):
            yield f"Thought: {part.text}"
        elif isinstance(part, ToolCall):
            arguments = part.arguments if isinstance(part.arguments, str) else to_json(part.arguments).decode()
            yield f"Action: {part.name}({arguments})"
        elif isinstance(part, Text):
            yield f"Answer: {part.text}"
