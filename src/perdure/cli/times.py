"""Times as people read them: local, to the second."""

from __future__ import annotations

from datetime import UTC, datetime


def show_time(ms: int) -> str:
    """`2026-01-31 09:05:00` in the zone of this machine; `-` for none."""
    if not ms:
        return "-"
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
