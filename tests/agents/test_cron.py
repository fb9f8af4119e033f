"""Cron lines where clocks change, the whole year through; and what is no cron line."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.agents.cron import Cron, is_zone, problem_of
from perdure.base.errors import InputError

ZURICH = "Europe/Zurich"


def at(text: str, zone: str = "UTC", *, second_round: bool = False) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second_round))
    return int(local.timestamp()) * 1_000


def shown(time: int, zone: str) -> str:
    return datetime.fromtimestamp(time / 1_000, ZoneInfo(zone)).isoformat(timespec="minutes")


def times(line: str, zone: str, after: str, count: int) -> list[str]:
    found, time = [], at(after, zone)
    for _ in range(count):
        time = Cron(line, zone).after(time) or 0
        found.append(shown(time, zone))
    return found


def test_a_year_of_mornings_is_at_nine_by_the_clock_on_the_wall() -> None:
    cron, time = Cron("0 9 * * *", ZURICH), at("2026-01-01T00:00", ZURICH)
    mornings = []
    while (time := cron.after(time) or 0) < at("2027-01-01T00:00", ZURICH):
        mornings.append(datetime.fromtimestamp(time / 1_000, ZoneInfo(ZURICH)))
    assert len({morning.date() for morning in mornings}) == len(mornings) == 365
    assert {(morning.hour, morning.minute) for morning in mornings} == {(9, 0)}
    assert len({morning.astimezone(UTC).hour for morning in mornings}) == 2  # summer and winter


def test_a_time_that_is_skipped_comes_right_after_the_gap() -> None:
    assert times("30 2 * * *", ZURICH, "2026-03-28T00:00", 3) == [
        "2026-03-28T02:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_a_time_that_happens_twice_comes_once() -> None:
    assert times("30 2 * * *", ZURICH, "2026-10-24T12:00", 2) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_what_runs_every_half_hour_runs_through_the_hour_that_comes_twice() -> None:
    assert times("*/30 * * * *", ZURICH, "2026-10-25T01:30", 5) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:00+01:00",
    ]


def test_in_the_second_round_of_an_hour_the_first_is_over() -> None:
    cron, now = Cron("30 2 * * *", ZURICH), at("2026-10-25T02:15", ZURICH, second_round=True)
    assert shown(cron.after(now) or 0, ZURICH) == "2026-10-26T02:30+01:00"
    assert [shown(time, ZURICH) for time in cron.latest(at("2026-10-23T12:00"), now, 9)] == [
        "2026-10-24T02:30+02:00",
        "2026-10-25T02:30+02:00",
    ]


@given(
    st.sampled_from(
        ["30 2 * * *", "*/20 * * * *", "0 */5 * * *", "15 3 * * sun", "0 0 1 * *", "59 23 31 * *", "@hourly"]
    ),
    st.sampled_from(["UTC", ZURICH, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(at("2026-01-01T00:00"), at("2027-01-01T00:00")),
    st.integers(1, 40),
)
@settings(max_examples=150, deadline=None)
def test_what_is_found_backwards_is_what_was_found_forwards(line: str, zone: str, since: int, count: int) -> None:
    cron, forwards, time = Cron(line, zone), [], since
    for _ in range(count):
        time = cron.after(time) or 0
        forwards.append(time)
    assert forwards == sorted(set(forwards)) and forwards[0] > since
    assert list(cron.latest(forwards[0], forwards[-1] + 999, count + 1)) == forwards
    assert list(cron.latest(forwards[0], forwards[-1], 2)) == forwards[-2:]


def test_names_stand_for_lines() -> None:
    for name, line in {
        "@hourly": "0 * * * *",
        "@Daily": "0 0 * * *",
        "@weekly": "0 0 * * 0",
        "@yearly": "0 0 1 1 *",
    }.items():
        assert Cron(name).after(at("2026-05-05T05:05")) == Cron(line).after(at("2026-05-05T05:05"))


@pytest.mark.parametrize(
    "line", ["", "x", "0 9 * *", "60 * * * *", "0 9 * * mon *", "@often", "0 0 30 2 *", "-1 * * * *"]
)
def test_what_is_no_cron_line_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(InputError, match="a cron line of five fields") as caught:
        Cron(line)
    assert "0 9 * * mon" in caught.value.hint
    assert problem_of(line) is not None
    assert problem_of("0 9 * * mon") is None


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../UTC", "/etc/passwd", "Europe", "a\0b", "CEST+"])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InputError, match="not a time zone"):
        Cron("@daily", zone)
    assert not is_zone(zone) and is_zone("Europe/Zurich")
