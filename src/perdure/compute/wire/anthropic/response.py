"""Answers of Anthropic's Messages in one piece."""

from __future__ import annotations

import msgspec

from perdure.base.errors import InvalidAnswer
from perdure.base.messages import ModelResponse

from ..body import decode_body
from .answer import part_of, read_block, whole_answer
from .errors import body_error
from .shapes import Reply

_decoder = msgspec.json.Decoder(Reply)


def decode_response(body: bytes) -> ModelResponse:
    reply = decode_body(_decoder, body)
    if reply.error is not None:
        raise body_error(reply.error)
    if reply.content is None:
        raise InvalidAnswer("the answer has no content", body=body[:200].decode("utf-8", "replace"))
    blocks = [part_of(read_block(raw), raw, index) for index, raw in enumerate(reply.content)]
    parts = tuple(part for part in blocks if part is not None)
    return whole_answer(parts, reply.stop_reason, reply.usage, reply.model, reply.id)
