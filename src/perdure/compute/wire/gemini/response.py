"""Answers of Gemini's generateContent."""

from __future__ import annotations

import msgspec

from perdure.base.errors import InvalidAnswer
from perdure.base.messages import ModelResponse

from ..body import decode_body
from .answer import Answer
from .shapes import Reply

_decoder = msgspec.json.Decoder(Reply)


def decode_response(body: bytes) -> ModelResponse:
    answer = Answer()
    reply = decode_body(_decoder, body)
    answer.take(reply)
    if not reply.candidates:
        raise InvalidAnswer("the answer has no candidates", body=body[:200].decode("utf-8", "replace"))
    return answer.whole()
