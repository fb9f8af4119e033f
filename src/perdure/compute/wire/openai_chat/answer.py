"""One answer of Chat Completions as it adds up, whether it comes in one piece or in many."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.errors import Overloaded
from perdure.base.messages import (
    Delta,
    ModelResponse,
    Opaque,
    Part,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
)
from perdure.base.usage import Usage

from ..arguments import arguments_text, parse_arguments
from ..call_ids import made_up_id
from ..seal import seal
from .errors import body_error
from .request import NAME
from .shapes import Call, Choice, Completion, Said, Tokens

_STOP: dict[str | None, StopReason] = {
    None: "end",
    "stop": "end",
    "eos": "end",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "filter",
}


class OpenCall(msgspec.Struct):
    id: str
    name: str = ""
    arguments: list[str] = []


class Answer:
    """Takes messages or pieces of them, gives the deltas they are, and in the end the whole answer."""

    __slots__ = (
        "_calls",
        "_details",
        "_field",
        "_refused",
        "_text",
        "_thinking",
        "finish_reason",
        "id",
        "model",
        "usage",
    )

    def __init__(self) -> None:
        self.id = ""
        self.model = ""
        self.finish_reason: str | None = None
        self.usage: Tokens | None = None
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._field = ""  # in which the thinking came
        self._calls: dict[int, OpenCall] = {}
        self._details: list[dict[str, Any]] = []
        self._refused = False

    def take(self, completion: Completion) -> list[Delta]:
        """Raises the error that the provider sends instead of an answer, or in the middle of one."""
        if completion.error is not None:
            raise body_error(completion.error)
        self.id = self.id or completion.id or ""
        self.model = self.model or completion.model or ""
        self.usage = completion.usage or self.usage
        deltas: list[Delta] = []
        for choice in completion.choices or ():
            if choice.index == 0:
                self._choice(choice, deltas)
        return deltas

    def whole(self) -> ModelResponse:
        parts: list[Part] = []
        if self._details:
            parts.append(Opaque(NAME, {"reasoning_details": self._details}))
        if self._thinking:
            parts.append(Thinking("".join(self._thinking), seal(NAME, self._field)))
        if self._text:
            parts.append(Text("".join(self._text)))
        for _, call in sorted(self._calls.items()):
            parts.append(ToolCall(call.id, call.name, parse_arguments("".join(call.arguments))))
        stop: StopReason = "filter" if self._refused else _STOP.get(self.finish_reason, "other")
        if self._calls and stop in ("end", "other"):  # some servers say `stop` here
            stop = "tool_calls"
        usage = None if self.usage is None else usage_of(self.usage)
        return ModelResponse(tuple(parts), stop, usage, self.model, self.id)

    def _choice(self, choice: Choice, deltas: list[Delta]) -> None:
        if choice.error is not None:
            raise body_error(choice.error)
        if choice.finish_reason in ("error", "insufficient_system_resource"):
            raise Overloaded(f"the provider broke its answer off: {choice.finish_reason}")
        self.finish_reason = choice.finish_reason or self.finish_reason
        said = choice.message or choice.delta
        if said is not None:
            self._said(said, deltas)

    def _said(self, said: Said, deltas: list[Delta]) -> None:
        if said.reasoning_content:
            self._think(said.reasoning_content, "reasoning_content", deltas)
        elif said.reasoning and isinstance(said.reasoning, str):
            self._think(said.reasoning, "reasoning", deltas)
        if isinstance(said.content, str):
            self._say(said.content, deltas)
        elif said.content:
            self._pieces(said.content, deltas)
        if said.refusal:
            self._refused = True
            self._say(said.refusal, deltas)
        if said.reasoning_details:
            join_details(self._details, said.reasoning_details)
        if said.tool_calls:
            for position, call in enumerate(said.tool_calls):
                self._call(position, call, deltas)

    def _say(self, text: str, deltas: list[Delta]) -> None:
        if text:
            self._text.append(text)
            deltas.append(TextDelta(text))

    def _think(self, text: str, field: str, deltas: list[Delta]) -> None:
        self._field = self._field or field
        self._thinking.append(text)
        deltas.append(ThinkingDelta(text))

    def _pieces(self, content: list[dict[str, Any]], deltas: list[Delta]) -> None:
        """Content as a list of typed pieces, as Mistral's reasoning models give it."""
        for piece in content:
            if piece.get("type") != "thinking":
                self._say(piece.get("text") or "", deltas)
                continue
            for thought in piece.get("thinking") or ():
                if thought.get("text"):
                    self._think(thought["text"], "", deltas)

    def _call(self, position: int, call: Call, deltas: list[Delta]) -> None:
        index = self._index(position, call)
        held = self._calls.get(index)
        id = ""
        if held is None:
            id = call.id or made_up_id(index)
            held = self._calls[index] = OpenCall(id)
        name, piece = "", ""
        if call.function is not None:
            arguments = call.function.arguments
            piece = arguments_text(arguments) if isinstance(arguments, dict) else arguments or ""
            held.arguments.append(piece)
            if not held.name and call.function.name:
                name = held.name = call.function.name
        if id or name or piece:
            deltas.append(ToolCallDelta(index, id, name, piece))

    def _index(self, position: int, call: Call) -> int:
        """Servers that give no index send calls whole, so that an id not seen yet begins the next one."""
        if call.index is not None:
            return call.index
        if not call.id:
            return position
        for index, held in self._calls.items():
            if held.id == call.id:
                return index
        return len(self._calls)


def join_details(held: list[dict[str, Any]], pieces: list[dict[str, Any]]) -> None:
    """Joins OpenRouter's reasoning details, which come in pieces: text adds up within one type and index."""
    for piece in pieces:
        last = held[-1] if held else None
        if last is None or (last.get("type"), last.get("index")) != (piece.get("type"), piece.get("index")):
            held.append(dict(piece))
            continue
        for key, value in piece.items():
            if key in ("text", "summary", "data") and isinstance(value, str) and isinstance(last.get(key), str):
                last[key] += value
            elif value is not None:
                last[key] = value


def usage_of(tokens: Tokens) -> Usage:
    prompt, completion = tokens.prompt_tokens or 0, tokens.completion_tokens or 0
    of_prompt, of_completion = tokens.prompt_tokens_details, tokens.completion_tokens_details
    reasoning = (of_completion.reasoning_tokens or 0) if of_completion else 0
    if reasoning and tokens.total_tokens == prompt + completion + reasoning:  # xAI counts them apart
        completion += reasoning
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cached_tokens=((of_prompt.cached_tokens if of_prompt else None) or tokens.prompt_cache_hit_tokens) or 0,
        cache_write_tokens=(of_prompt.cache_write_tokens or 0) if of_prompt else 0,
        reasoning_tokens=reasoning,
    )
