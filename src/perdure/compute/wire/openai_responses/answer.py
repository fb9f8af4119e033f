"""What the items of a Response mean."""

from __future__ import annotations

import msgspec

from perdure.base.errors import InvalidAnswer
from perdure.base.messages import ModelResponse, Opaque, Part, StopReason, Text, Thinking, ToolCall
from perdure.base.usage import Usage

from ..arguments import parse_arguments
from ..body import decode_body
from ..call_ids import made_up_id
from .errors import body_error
from .request import NAME
from .shapes import Item, Reply, Tokens

_item = msgspec.json.Decoder(Item)
_any = msgspec.json.Decoder()
_INCOMPLETE: dict[str | None, StopReason] = {"max_output_tokens": "length", "content_filter": "filter"}


def read_item(raw: msgspec.Raw) -> Item:
    return decode_body(_item, bytes(raw))


def whole_answer(reply: Reply) -> ModelResponse:
    """Raises the error of a response that failed, and InvalidAnswer for one that has not ended."""
    if reply.error is not None or reply.status == "failed":
        raise body_error(reply.error or {"message": "the response failed"})
    if reply.output is None or reply.status not in ("completed", "incomplete", None):
        raise InvalidAnswer(f"the response has no output and status {reply.status}", status=reply.status)
    parts: list[Part] = []
    refused = False
    for index, raw in enumerate(reply.output):
        item = read_item(raw)
        refused = refused or any(content.refusal for content in item.content or ())
        parts += parts_of(item, raw, index)
    stop: StopReason = "end"
    if reply.status == "incomplete":
        stop = _INCOMPLETE.get(reply.incomplete_details.reason if reply.incomplete_details else None, "other")
    elif any(isinstance(part, ToolCall) for part in parts):
        stop = "tool_calls"
    elif refused:
        stop = "filter"
    usage = None if reply.usage is None else usage_of(reply.usage)
    return ModelResponse(tuple(parts), stop, usage, reply.model or "", reply.id or "")


def parts_of(item: Item, raw: msgspec.Raw, index: int) -> list[Part]:
    """The parts that an item is; reasoning, and kinds without a word of ours, are kept as they came and sent back."""
    if item.type == "function_call":
        call = ToolCall(item.call_id or made_up_id(index), item.name or "", parse_arguments(item.arguments or ""))
        return [call]
    if item.type == "message":
        text = "".join(content.text or content.refusal or "" for content in item.content or ())
        # The phase (commentary or final answer) is asked back with the text.
        marked: list[Part] = [Opaque(NAME, {"phase": item.phase})] if item.phase else []
        return [*marked, Text(text)] if text else []
    kept = Opaque(NAME, decode_body(_any, bytes(raw)))
    if item.type != "reasoning":
        return [kept]
    told = "\n\n".join(content.text for content in item.summary or item.content or () if content.text)
    return [Thinking(told), kept] if told else [kept]


def usage_of(tokens: Tokens) -> Usage:
    before, after = tokens.input_tokens_details, tokens.output_tokens_details
    return Usage(
        input_tokens=tokens.input_tokens or 0,
        output_tokens=tokens.output_tokens or 0,
        cached_tokens=(before.cached_tokens or 0) if before else 0,
        cache_write_tokens=(before.cache_write_tokens or 0) if before else 0,
        reasoning_tokens=(after.reasoning_tokens or 0) if after else 0,
    )
