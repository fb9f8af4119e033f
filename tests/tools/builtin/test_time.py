from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import InvalidArguments
from perdure.tools.builtin.port import Setting
from perdure.tools.builtin.time import BUILTIN, TimeOptions

SETTING = Setting(folder=None)  # type: ignore[arg-type]


class Clocked:
    """A context on which it is always Sunday noon."""

    async def now(self) -> int:
        return 1_750_000_000_000


async def ask(options: TimeOptions | None = None, **arguments: Any) -> Any:
    (time,) = BUILTIN.make(options or TimeOptions(), SETTING)
    assert time.effect is None, "the context records the time"
    return (await time.call(arguments, key="k", ctx=Clocked())).value  # type: ignore[arg-type]


async def test_the_time_is_the_runs_time() -> None:
    assert await ask() == {"time": "2025-06-15T15:06:40+00:00", "weekday": "Sunday", "zone": "UTC"}
    assert (await ask(zone="Asia/Tokyo"))["time"] == "2025-06-16T00:06:40+09:00"
    assert (await ask(TimeOptions(zone="Europe/Berlin")))["zone"] == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["Europe/Berln", "../etc/passwd", "", "a\0b"])
async def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidArguments, match="there is no time zone"):
        await ask(zone=zone)


def test_a_close_zone_is_offered_and_a_wrong_option_found_early() -> None:
    with pytest.raises(InvalidArguments, match="did you mean Europe/Berlin"):
        BUILTIN.make(TimeOptions(zone="Europe/Berln"), SETTING)
