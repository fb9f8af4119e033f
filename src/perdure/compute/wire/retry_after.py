"""How long a provider asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime

from perdure.base.duration import parse_duration
from perdure.base.errors import InputError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def read_retry_after(headers: dict[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, `retry-after` (seconds or a date) or the limit that is used up."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    after = headers.get("retry-after")
    if after is not None:
        seconds = _number(after)
        return _until(after, headers.get("date")) if seconds is None else seconds
    waits = [
        _duration(headers.get(f"x-ratelimit-reset-{what}"))
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _until(when: str, now: str | None) -> float | None:
    """Seconds between two HTTP dates; the server's own `date` is its now, so no clock is needed here."""
    due, said = _http_date(when), _http_date(now or "")
    return None if due is None or said is None else max(0.0, (due - said).total_seconds())


def _http_date(text: str) -> datetime | None:
    """An IMF-fixdate (RFC 9110, 5.6.7) such as `Wed, 21 Oct 2015 07:28:00 GMT`."""
    try:
        _, day, month, year, time, _ = text.split(" ")
        hour, minute, second = time.split(":")
        at = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
        return datetime(*at, tzinfo=UTC)
    except ValueError:
        return None


def _duration(text: str | None) -> float | None:
    try:
        return parse_duration(text) / 1000 if text is not None else None
    except InputError:
        return None
