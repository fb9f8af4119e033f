"""What Anthropic's blocks, stop reasons and token counts mean."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.base.messages import ModelResponse, Opaque, Part, StopReason, Text, Thinking, ToolCall
from perdure.base.usage import Usage

from ..arguments import arguments_text
from ..body import decode_body
from ..call_ids import made_up_id
from ..seal import seal
from .request import ANSWER_TOOL, NAME
from .shapes import Block, Tokens

_block = msgspec.json.Decoder(Block)
_any = msgspec.json.Decoder()

_STOP: dict[str | None, StopReason] = {
    None: "end",
    "end_turn": "end",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "filter",
}


def read_block(raw: msgspec.Raw) -> Block:
    return decode_body(_block, bytes(raw))


def part_of(block: Block, raw: dict[str, Any] | msgspec.Raw, index: int) -> Part | None:
    """The part that a whole block is; kinds without a word of ours are kept as they came, to be sent back."""
    if block.type == "text":
        return Text(block.text) if block.text else None
    if block.type == "tool_use":
        if block.name == ANSWER_TOOL:
            return Text(arguments_text({} if block.input is None else block.input))
        arguments = block.input if isinstance(block.input, (dict, str)) else {}
        return ToolCall(block.id or made_up_id(index), block.name or "", arguments)
    if block.type == "thinking":
        return Thinking(block.thinking or "", seal(NAME, block.signature))
    return Opaque(NAME, raw if isinstance(raw, dict) else decode_body(_any, bytes(raw)))


def whole_answer(
    parts: tuple[Part, ...], stop_reason: str | None, usage: Tokens | None, model: str | None, id: str | None
) -> ModelResponse:
    stop: StopReason = _STOP.get(stop_reason, "other")
    if stop == "tool_calls" and not any(isinstance(part, ToolCall) for part in parts):  # it was the answer tool
        stop = "end"
    return ModelResponse(parts, stop, None if usage is None else usage_of(usage), model or "", id or "")


def usage_of(tokens: Tokens) -> Usage:
    read, written = tokens.cache_read_input_tokens or 0, tokens.cache_creation_input_tokens or 0
    details = tokens.output_tokens_details
    return Usage(
        input_tokens=(tokens.input_tokens or 0) + read + written,
        output_tokens=tokens.output_tokens or 0,
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=(details.thinking_tokens or 0) if details else 0,
    )
