"""`time`: the time as it was when the run first asked, recorded, so that a replay sees the same."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from perdure.base.errors import InvalidArguments
from perdure.kernel.context import Context

from ..function import FunctionTool
from ..port import Tool
from .port import Builtin, Options, Setting


class TimeOptions(Options, frozen=True):
    """`zone` is the IANA time zone where the model names none."""

    zone: str = "UTC"


def make(options: TimeOptions, setting: Setting) -> tuple[Tool, ...]:
    find_zone(options.zone)

    async def time(ctx: Context, zone: str = options.zone) -> dict[str, str]:
        """Tell the current date and time.

        Args:
            zone: An IANA time zone, for example "Europe/Berlin".
        """
        found = find_zone(zone)
        now = datetime.fromtimestamp(await ctx.now() / 1000, found)
        return {"time": now.isoformat(timespec="seconds"), "weekday": now.strftime("%A"), "zone": zone}

    return (FunctionTool(time, builtin=True),)


def find_zone(name: str) -> tzinfo:
    """The time zone of this name. Raises InvalidArguments with names that are close."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        close = get_close_matches(name, available_timezones(), 3)
        raise InvalidArguments(
            f"there is no time zone {name!r}" + (f", did you mean {', '.join(close)}?" if close else "")
        ) from error


BUILTIN = Builtin(TimeOptions, make, shorthand="zone")
