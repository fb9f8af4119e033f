"""OpenAI's Responses API."""

from __future__ import annotations

from ..port import Wire
from .errors import decode_error
from .quirks import QUIRKS, Quirks
from .request import NAME, encode_request
from .response import decode_response
from .stream import Decoder

__all__ = ["OPENAI_RESPONSES", "QUIRKS", "Quirks"]


class OpenAIResponses:
    name = NAME
    request = staticmethod(encode_request)
    response = staticmethod(decode_response)
    decoder = staticmethod(Decoder)
    error = staticmethod(decode_error)


OPENAI_RESPONSES: Wire = OpenAIResponses()
