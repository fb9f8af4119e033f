"""Money and durations as the fields of a file: whole numbers inside, text for people outside."""

from __future__ import annotations

from typing import Any

from perdure.base.duration import parse_duration
from perdure.base.errors import InputError
from perdure.base.money import MICRO, parse_money

LONGEST = 64
MOST_MONEY = 1_000_000_000 * MICRO
LONGEST_WAIT = 100 * 366 * 86_400_000
LEAST_EVERY_MS = 1_000
"""The shortest interval of a schedule: what is to come more often belongs into a run."""


class Money(int):
    """An amount in micro-USD; files hold `$0.10` or a number of dollars."""


class Duration(int):
    """A duration in milliseconds; files hold `500ms`, `10s`, `2m`, `1h30m` or a number of seconds."""


def whole(amount: int | None) -> int | None:
    """The amount as the plain number that records and rows hold."""
    return None if amount is None else int(amount)


def decode_amount(type: type[Any], value: Any) -> Any:
    """msgspec's `dec_hook` for both. Raises ValueError, as msgspec expects it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected text or a number")
    if isinstance(value, str) and len(value) > LONGEST:
        raise ValueError(f"too long: {value[:LONGEST]}…")
    try:
        amount, most = (parse_money(value), MOST_MONEY) if type is Money else (parse_duration(value), LONGEST_WAIT)
    except InputError as error:
        raise ValueError(f"{error.message}. {error.hint}") from error
    if amount > most:
        raise ValueError(f"too much: {value}")
    return type(amount)


def encode_amount(value: Any) -> str:
    """msgspec's `enc_hook` for both: the exact text that `decode_amount` reads back."""
    if isinstance(value, Money):
        whole, micro = divmod(int(value), MICRO)
        return f"${whole}.{micro:06d}"
    if isinstance(value, Duration):
        return f"{int(value)}ms"
    raise NotImplementedError(f"no text stands for {type(value).__name__}")


def amount_schema(type: type[Any]) -> dict[str, Any]:
    """msgspec's `schema_hook` for both."""
    if type is Money:
        pattern = r"^\s*\$?\s*([0-9][0-9_]*(\.[0-9]+)?|\.[0-9]+)\s*(\$|[uU][sS][dD])?\s*$"
        wanted = "expected an amount of money such as $0.10, or a number of dollars"
    elif type is Duration:
        pattern = r"^\s*([0-9]+(\.[0-9]+)?\s*([mM]?[sS]|[mMhHdDwW])\s*)+$|^\s*[0-9]+(\.[0-9]+)?\s*$"
        wanted = "expected a duration such as 500ms, 10s, 2m or 1h30m, or a number of seconds"
    else:
        raise NotImplementedError(f"no schema stands for {type.__name__}")
    text = {"type": "string", "pattern": pattern, "maxLength": LONGEST}
    return {"anyOf": [text, {"type": "number", "minimum": 0}], "errorMessage": wanted}
