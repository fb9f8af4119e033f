"""What an unquoted scalar means, by the core schema of YAML 1.2.2 (§10.3.2)."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

BIGGEST = 2**63 - 1
_TOO_LARGE = "the number is too large; put it in quotes if it is text"
_NO_NUMBER = "expected a finite number; put it in quotes if it is text"

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = r"[-+]?[0-9]+"
_BASED = r"0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_NOT_FINITE = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"


def plain_value(text: str) -> Any:
    """Nothing, true, false, a number or the text itself. Raises ValueError for numbers that JSON could not hold."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if re.fullmatch(_INT, text):
        return _bounded(text, 10)
    if re.fullmatch(_BASED, text):
        return _bounded(text[2:], 8 if text[1] == "o" else 16)
    if re.fullmatch(_FLOAT, text):
        number = float(text)
        if not isfinite(number):
            raise ValueError(_TOO_LARGE)
        return number
    if re.fullmatch(_NOT_FINITE, text):
        raise ValueError(_NO_NUMBER)
    return text


def _bounded(digits: str, radix: int) -> int:
    if len(digits) > 64 or abs(number := int(digits, radix)) > BIGGEST:
        raise ValueError(_TOO_LARGE)
    return number


def odd_number(value: int | float) -> str:
    """Why a number cannot be kept, "" where it can."""
    if isinstance(value, int):
        return _TOO_LARGE if abs(value) > BIGGEST else ""
    return "" if isfinite(value) else _NO_NUMBER


def as_number(value: Any) -> Any:
    """What text reads as, since a variable can only be text; other values as they are."""
    try:
        return plain_value(value.strip()) if isinstance(value, str) else value
    except ValueError:
        return value
