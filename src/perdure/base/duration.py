"""Durations are integer milliseconds inside; people write `500ms`, `10s`, `2m`, `1h30m`, `7d` or bare seconds."""

from __future__ import annotations

import re

from .errors import InputError

_UNIT = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)"
_HINT = "Write 500ms, 10s, 2m, 1h30m, 7d, or a number of seconds."


def parse_duration(value: str | int | float) -> int:
    """The duration in milliseconds. Raises InputError for anything that is not one."""
    if isinstance(value, bool):
        raise InputError(f"not a duration: {value!r}", hint=_HINT)
    if isinstance(value, (int, float)):
        if not 0 <= value < 1e12:
            raise InputError(f"not a duration: {value!r}", hint=_HINT)
        return round(value * 1000)
    text = value.strip().lower()
    if len(text) > 40:
        raise InputError("not a duration: it is too long", hint=_HINT)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return round(float(text) * 1000)
    parts = re.findall(_PART, text)
    if not parts or re.sub(_PART, "", text).strip():
        raise InputError(f"not a duration: {value!r}", hint=_HINT)
    return round(sum(float(number) * _UNIT[unit] for number, unit in parts))


def show_duration(ms: float) -> str:
    """Milliseconds for people: `840 ms`, `3.2 s`, `4m05s`, `2h10m`, `3d04h`."""
    if ms < 1_000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 3_600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86_400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    return f"{seconds // 86_400}d{seconds % 86_400 // 3600:02d}h"
