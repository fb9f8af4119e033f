"""Answers of the Responses API in one piece."""

from __future__ import annotations

import msgspec

from perdure.base.messages import ModelResponse

from ..body import decode_body
from .answer import whole_answer
from .shapes import Reply

_decoder = msgspec.json.Decoder(Reply)


def decode_response(body: bytes) -> ModelResponse:
    return whole_answer(decode_body(_decoder, body))
