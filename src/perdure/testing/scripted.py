"""A model that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from inspect import isawaitable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from perdure.base.errors import BrokenStream, ConfigError, InvalidRequest, ModelError
from perdure.base.messages import (
    Delta,
    Finished,
    ModelRequest,
    ModelResponse,
    Part,
    Text,
    ToolCall,
)
from perdure.base.usage import Usage
from perdure.compute.cassette import Playback, read_cassette
from perdure.compute.deltas import deltas_of
from perdure.compute.estimate import estimate, estimate_parts
from perdure.compute.spec import ModelSpec


class Breaks(msgspec.Struct, frozen=True):
    """An answer that breaks off: `text` is streamed, then `error` raised."""

    text: str
    error: ModelError


Answer: TypeAlias = str | ModelResponse | Part | Sequence[Part | str] | Exception | Breaks
Script: TypeAlias = Sequence[Answer] | Callable[[ModelRequest], Answer | Awaitable[Answer]]


class Scripted:
    """A model port whose answers are given: one after the other from a list, or by a function of the request.

    An answer is text, a part, a list of parts, a whole response, or an exception to raise. Tool calls come from `call`.
    A list is used up in the order of the calls; a run that must find its place again after a crash is better served
    by `by_turn(answers)`. Usage is estimated unless the response states it. `requests` holds what was asked.
    """

    def __init__(self, answers: Script, *, name: str = "scripted/model") -> None:
        self.name = name
        self.requests: list[ModelRequest] = []
        self._answers = answers if callable(answers) else _in_order(list(answers))

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        self.requests.append(request)
        answer = self._answers(request)
        if isawaitable(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Breaks):
            if request.stream:
                for delta in deltas_of(ModelResponse((Text(answer.text),))):
                    if not isinstance(delta, Finished):
                        yield delta
            raise answer.error
        response = self._response(request, answer)
        if request.stream:
            for delta in deltas_of(response):
                yield delta
        else:
            yield Finished(response)

    def _response(
        self, request: ModelRequest, answer: str | ModelResponse | Part | Sequence[Part | str]
    ) -> ModelResponse:
        if not isinstance(answer, ModelResponse):
            listed = answer if isinstance(answer, (list, tuple)) else (answer,)
            parts = tuple(Text(part) if isinstance(part, str) else part for part in listed)
            called = any(isinstance(part, ToolCall) for part in parts)
            answer = ModelResponse(parts, stop="tool_calls" if called else "end")
        parts = _with_ids(answer.parts, request)
        usage = answer.usage or Usage(estimate(request), estimate_parts(parts))
        return msgspec.structs.replace(answer, parts=parts, usage=usage, model=answer.model or self.name)


def call(tool: str, /, **arguments: Any) -> ToolCall:
    """A call of `tool`; its id is given when it is said."""
    return ToolCall(id="", name=tool, arguments=arguments)


def breaks(text: str = "", error: ModelError | None = None) -> Breaks:
    """An answer whose stream breaks after `text`."""
    return Breaks(text, error or BrokenStream("the connection broke"))


def by_turn(answers: Sequence[Answer]) -> Callable[[ModelRequest], Answer]:
    """A script that finds its place from the request: the n-th answer follows n messages of the assistant's.

    It says the same after a crash, in another process, or when a call is made twice.
    """

    def answer(request: ModelRequest) -> Answer:
        turn = sum(message.role == "assistant" for message in request.messages)
        return answers[turn] if turn < len(answers) else _ended(len(answers))

    return answer


def from_spec(spec: ModelSpec) -> Scripted:
    """The model of `{provider: scripted, name: any, extra: {answers: [...]}}`.

    An answer is text, or `{tool: NAME, arguments: {...}}`, or a list of these for one message; taken by turn.
    `extra: {cassette: FILE}` instead answers from a run that was exported; the path is relative to the working folder.
    """
    recorded = spec.extra.get("cassette")
    if isinstance(recorded, str):
        return Scripted(Playback(read_cassette(Path(recorded))), name=spec.full_name)
    answers = spec.extra.get("answers")
    if not isinstance(answers, list) or not answers:
        raise ConfigError(
            f"{spec.full_name} has no answers",
            hint="Write model: {provider: scripted, name: any, extra: {answers: [text, {tool: name, arguments: {}}]}}.",
        )
    return Scripted(by_turn([_written(answer) for answer in answers]), name=spec.full_name)


def _written(answer: Any) -> str | ToolCall | list[str | ToolCall]:
    return [_piece(entry) for entry in answer] if isinstance(answer, list) else _piece(answer)


def _piece(entry: Any) -> str | ToolCall:
    match entry:
        case str():
            return entry
        case {"tool": str(tool), **rest} if not rest:
            return call(tool)
        case {"tool": str(tool), "arguments": dict(arguments), **rest} if not rest:
            return ToolCall(id="", name=tool, arguments=arguments)
        case _:
            raise ConfigError(f"not a scripted answer: {entry!r}", hint="Text, or {tool: NAME, arguments: {…}}.")


def _in_order(answers: list[Answer]) -> Callable[[ModelRequest], Answer]:
    remaining = iter(answers)
    return lambda request: next(remaining, _ended(len(answers)))


def _ended(count: int) -> InvalidRequest:
    return InvalidRequest(
        f"the script has {count} answers and was asked for one more", hint="Add an answer to the script."
    )


def _with_ids(parts: tuple[Part, ...], request: ModelRequest) -> tuple[Part, ...]:
    """Ids for calls that have none, numbered through the conversation so that none comes twice."""
    number = sum(isinstance(part, ToolCall) for message in request.messages for part in message.parts)
    named: list[Part] = []
    for part in parts:
        if isinstance(part, ToolCall):
            number += 1
            if not part.id:
                part = msgspec.structs.replace(part, id=f"call_{number}")
        named.append(part)
    return tuple(named)
