"""The JSON of Responses (https://platform.openai.com/docs/api-reference/responses/object)."""

from __future__ import annotations

from typing import Any

import msgspec


class Content(msgspec.Struct):
    """Of a message (`output_text`, `refusal`), or of a reasoning summary."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None


class Item(msgspec.Struct):
    type: str
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[Content] | None = None
    summary: list[Content] | None = None
    phase: str | None = None


class InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class Tokens(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(msgspec.Struct):
    reason: str | None = None


class Reply(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[msgspec.Raw] | None = None
    usage: Tokens | None = None
    incomplete_details: Incomplete | None = None
    error: Any = None


class Event(msgspec.Struct):
    type: str = ""
    output_index: int = 0
    delta: Any = None
    item: msgspec.Raw = msgspec.Raw()
    response: Reply | None = None
    error: Any = None
    code: str | None = None
    message: str | None = None
