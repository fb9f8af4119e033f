"""Money is integer micro-USD inside; people write `$0.10` or a number of dollars."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from .errors import InputError

MICRO = 1_000_000
_DOLLARS = r"(?i)\$?\s*([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)\s*(?:\$|usd)?"


def parse_money(value: str | int | float) -> int:
    """`$0.10`, `0.1`, `5` or `"5 USD"` as micro-USD. Raises InputError for anything else, and for negative amounts."""
    if isinstance(value, bool):
        raise InputError(f"not an amount of money: {value!r}", hint="Write $0.10 or a number of dollars.")
    if isinstance(value, (int, float)):
        value = repr(value) if value >= 0 else "?"
        if "e" in value or "n" in value:
            value = format(Decimal(value), "f") if "n" not in value else "?"
    match = re.fullmatch(_DOLLARS, value.strip()) if len(value) <= 40 else None
    if match is None:
        raise InputError(f"not an amount of money: {value!r}", hint="Write $0.10 or a number of dollars.")
    return int((Decimal(match[1].replace("_", "")) * MICRO).to_integral_value(ROUND_HALF_UP))


def show_money(microusd: int) -> str:
    """Micro-USD for people: `$0.1042`, with as many places as the amount needs (two at least, six at most)."""
    sign = "-" if microusd < 0 else ""
    whole, micro = divmod(abs(microusd), MICRO)
    places = f"{micro:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{places}"
