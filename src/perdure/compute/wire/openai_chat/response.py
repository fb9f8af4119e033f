"""Answers of Chat Completions in one piece."""

from __future__ import annotations

import msgspec

from perdure.base.errors import InvalidAnswer
from perdure.base.messages import ModelResponse

from ..body import decode_body
from .answer import Answer
from .shapes import Completion

_decoder = msgspec.json.Decoder(Completion)


def decode_response(body: bytes) -> ModelResponse:
    completion = decode_body(_decoder, body)
    answer = Answer()
    answer.take(completion)
    if not completion.choices or completion.choices[0].message is None:
        raise InvalidAnswer("the answer holds no message", body=body[:200].decode("utf-8", "replace"))
    return answer.whole()
