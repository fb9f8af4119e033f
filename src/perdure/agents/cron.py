"""Cron lines in a time zone, with the habits of Debian's cron where clocks change: a time that is skipped comes right
after the gap, one that happens twice comes once, and what runs every so many minutes keeps running through both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from functools import lru_cache
from importlib import import_module
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from perdure.base.errors import InputError

NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * sun",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}


FIELDS = "a cron line of five fields"
FOLD_MS = 2 * 3_600_000
"""No clock was ever put back further."""


class Cron:
    """A line of five fields (minute, hour, day of month, month, day of week) or one of NAMES, in a zone such as
    `Europe/Zurich`. Times are milliseconds UTC. Raises InputError for what is neither."""

    __slots__ = ("_line", "_zone")

    def __init__(self, line: str, timezone: str = "UTC") -> None:
        self._line = NAMES.get(line.strip().lower(), line)
        self._zone = _zone(timezone)
        if len(self._line.split()) != 5:
            raise _no_cron(line)
        try:
            self._walk(0, back=False)
        except _cronsim().CronSimError as error:
            raise _no_cron(line, f": {str(error).lower()}") from error

    def after(self, time: int) -> int | None:
        """The first time that is later than `time`; None where the line names no day that there is."""
        return next((found for found in self._walk(time, back=False) if found > time), None)

    def latest(self, since: int, until: int, count: int) -> tuple[int, ...]:
        """The last `count` times of since ≤ time ≤ until, in order. Costs what it finds, however long the span is."""
        # In the hour that comes twice, what was due in its first round stands later on the clock than the second shows.
        is_second_round = datetime.fromtimestamp(until // 1_000, self._zone).fold
        back = self._walk(until + (FOLD_MS if is_second_round else 1_000), back=True)
        found: list[int] = []
        for time in islice((time for time in back if time <= until), count):
            if time < since:
                break
            found.append(time)
        return tuple(reversed(found))

    def _walk(self, time: int, *, back: bool) -> Iterator[int]:
        start = datetime.fromtimestamp(time // 1_000, self._zone)
        return (int(found.timestamp()) * 1_000 for found in _cronsim().CronSim(self._line, start, back))


@lru_cache(maxsize=256)
def cron(line: str, timezone: str) -> Cron:
    return Cron(line, timezone)


def problem_of(line: str) -> str | None:
    """What was expected instead of a cron line, None where it is one that will be due."""
    try:
        never = cron(line, "UTC").after(0) is None
    except InputError as error:
        return f"{FIELDS}{error.facts['why']}"
    return "a day that there is" if never else None


def is_zone(name: str) -> bool:
    try:
        _zone(name)
    except InputError:
        return False
    return True


def _cronsim() -> Any:
    return import_module("cronsim")


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError; a path is a ValueError
        raise InputError(
            f"not a time zone: {name!r}", hint="Name one of the IANA database, such as Europe/Zurich or UTC."
        ) from error


def _no_cron(line: str, why: str = "") -> InputError:
    return InputError(
        f"not {FIELDS}: {line!r}{why}",
        hint="minute hour day month weekday, such as `0 9 * * mon`, or @hourly, @daily, @weekly, @monthly, @yearly.",
        why=why,
    )
