"""Bodies of requests and answers: JSON in and out, with errors that say whose fault it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from perdure.base.errors import InvalidAnswer, InvalidRequest

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_SHOWN = 200


def encode_body(body: dict[str, Any], extra: Mapping[str, Any]) -> bytes:
    """The body with `extra` merged in: a mapping in both is joined one level deep, anything else is replaced."""
    for key, value in extra.items():
        there = body.get(key)
        body[key] = {**there, **value} if isinstance(there, dict) and isinstance(value, Mapping) else value
    try:
        return _encoder.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(
            f"the request cannot be written as JSON: {error}",
            hint="Use plain data, and text that is valid Unicode.",
        ) from error


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes | str) -> T:
    """What the decoder makes of it. Raises InvalidAnswer, with the beginning of the body, for anything else."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        start = body[:_SHOWN] if isinstance(body, str) else body[:_SHOWN].decode("utf-8", "replace")
        raise InvalidAnswer(f"the answer is not in the provider's format: {error}", body=start) from error
