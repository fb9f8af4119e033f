"""From a model's tool call to the result that it reads: what is pure about it, before and after the effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from perdure.base.errors import InvalidArguments, PerdureError, ToolDenied
from perdure.base.messages import Text, ToolCall, ToolResult
from perdure.base.nearest import nearest
from perdure.kernel.classes import EffectClass

from .cut import DEFAULT_LIMIT, cut, cut_text
from .port import Tool, ToolOutput
from .result import valid_text

_SHOWN = 12


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """A call that may be made: the tool is known and the arguments pass its check. `effect` is this call's class."""

    call: ToolCall
    tool: Tool
    arguments: dict[str, Any]
    effect: EffectClass | None


def prepare(tools: Mapping[str, Tool], call: ToolCall) -> Prepared | ToolResult:
    """What to call, or the error for the model to read where nothing is to be called."""
    tool = tools.get(call.name)
    if tool is None:
        return error_result(call, _unknown(tools, call.name))
    arguments = call.arguments
    if isinstance(arguments, str):
        if arguments.strip():
            return error_result(call, _not_an_object(call.name, arguments))
        arguments = {}  # what some models send for a tool without arguments
    try:
        tool.check(arguments)
        return Prepared(call, tool, arguments, tool.effect_of(arguments))
    except (InvalidArguments, ToolDenied) as error:
        return error_result(call, error.message)


def answer(call: ToolCall, output: ToolOutput, *, key: str, limit: int = DEFAULT_LIMIT) -> ToolResult:
    """The output as the model sees it: cut to `limit` characters; `key` names the effect that keeps the whole."""
    return ToolResult(call.id, call.name, cut(output.parts, key, limit), output.error)


def failure(call: ToolCall, error: PerdureError) -> ToolResult:
    """The error of a call as the model sees it: what went wrong, and what to do about it."""
    end = "" if error.message.endswith((".", "!", "?")) else "."
    return error_result(call, f"{error.message}{end} {error.hint}" if error.hint else error.message)


def error_result(call: ToolCall, message: str) -> ToolResult:
    said = cut_text(valid_text(message), call.id, 4_000)
    return ToolResult(call.id, call.name, (Text(f"Error: {said}"),), error=True)


def _unknown(tools: Mapping[str, Tool], name: str) -> str:
    close = nearest(name, tools)
    if close:
        return f"there is no tool {name}. Did you mean {close}?"
    if not tools:
        return f"there is no tool {name}: no tools can be called here."
    shown = ", ".join(list(tools)[:_SHOWN]) + (", …" if len(tools) > _SHOWN else "")
    return f"there is no tool {name}. There are: {shown}."


def _not_an_object(name: str, text: str) -> str:
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    try:
        kind = type(msgspec.json.decode(text)).__name__
        return f"the arguments of {name} must be one JSON object, not a {kind}: {shown}"
    except msgspec.DecodeError as error:
        return f"the arguments of {name} are not valid JSON ({error}). Send one JSON object. They were: {shown}"
