"""Times as people write them: how long ago, or a date."""

from __future__ import annotations

from datetime import UTC, datetime

from perdure.base.duration import parse_duration
from perdure.base.errors import InputError


def parse_when(text: str, now: int) -> int:
    """`7d` before `now`, or `2026-01-31T09:05` (UTC where it has no zone), as ms UTC. Raises InputError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - parse_duration(text)
        except InputError as error:
            raise InputError(f"not a time: {text!r}", hint="Write 12h, 7d, 2026-01-31 or 2026-01-31T09:05.") from error
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)
