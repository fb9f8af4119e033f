"""Gemini's generateContent."""

from __future__ import annotations

from ..port import Wire
from .errors import decode_error
from .quirks import QUIRKS, Quirks
from .request import NAME, encode_request
from .response import decode_response
from .stream import Decoder

__all__ = ["GEMINI", "QUIRKS", "Quirks"]


class Gemini:
    name = NAME
    request = staticmethod(encode_request)
    response = staticmethod(decode_response)
    decoder = staticmethod(Decoder)
    error = staticmethod(decode_error)


GEMINI: Wire = Gemini()
