"""Anthropic's Messages."""

from __future__ import annotations

from ..port import Wire
from .errors import decode_error
from .quirks import QUIRKS, Quirks
from .request import NAME, encode_request
from .response import decode_response
from .stream import Decoder

__all__ = ["ANTHROPIC", "QUIRKS", "Quirks"]


class Anthropic:
    name = NAME
    request = staticmethod(encode_request)
    response = staticmethod(decode_response)
    decoder = staticmethod(Decoder)
    error = staticmethod(decode_error)


ANTHROPIC: Wire = Anthropic()
