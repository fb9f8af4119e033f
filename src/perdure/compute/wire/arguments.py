"""Arguments of a tool call: JSON text on the wire, a mapping inside, raw text where the model wrote neither."""

from __future__ import annotations

from typing import Any

import msgspec

_decoder = msgspec.json.Decoder(dict[str, Any])


def parse_arguments(text: str) -> dict[str, Any] | str:
    """The JSON object that `text` is; {} for nothing at all, and the text itself where it is no JSON object."""
    if not text:
        return {}
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text


def arguments_object(arguments: dict[str, Any] | str) -> dict[str, Any]:
    """A mapping for formats that take nothing else; raw text is shown to the model under `invalid_json`."""
    return arguments if isinstance(arguments, dict) else {"invalid_json": arguments}


def arguments_text(arguments: dict[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
