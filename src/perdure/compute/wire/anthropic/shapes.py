"""The JSON of Anthropic's answers (https://platform.claude.com/docs/en/api/messages)."""

from __future__ import annotations

from typing import Any

import msgspec


class Block(msgspec.Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None


class OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class Tokens(msgspec.Struct):
    """Input is what the cache neither gave nor took: the total is the sum of the three."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class Reply(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    usage: Tokens | None = None
    error: Any = None


class Piece(msgspec.Struct):
    """The delta of a block (by `type`), or of the message."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class Event(msgspec.Struct):
    type: str
    index: int = 0
    message: Reply | None = None
    content_block: msgspec.Raw = msgspec.Raw()
    delta: Piece | None = None
    usage: Tokens | None = None
    error: Any = None
