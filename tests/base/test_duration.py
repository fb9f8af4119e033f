"""Durations are milliseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.duration import parse_duration, show_duration
from perdure.base.errors import InputError


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("500ms", 500),
        ("10s", 10_000),
        ("2m", 120_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("1w", 604_800_000),
        (" 1.5 S ", 1_500),
        ("3", 3_000),
        (2.5, 2_500),
        (0, 0),
    ],
)
def test_people_write_durations_in_many_ways(written, ms):
    assert parse_duration(written) == ms


@pytest.mark.parametrize("written", [True, "", "soon", "5 parsecs", "1h and a bit", -1, float("nan"), 1e13])
def test_what_is_no_duration_is_refused_with_a_hint(written):
    with pytest.raises(InputError) as found:
        parse_duration(written)
    assert "1h30m" in found.value.hint


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (0, "0 ms"),
        (840.4, "840 ms"),
        (3_240, "3.2 s"),
        (245_000, "4m05s"),
        (7_800_000, "2h10m"),
        (273_600_000, "3d04h"),
    ],
)
def test_durations_are_shown_short(ms, shown):
    assert show_duration(ms) == shown


@given(st.integers(0, 10**9))
def test_milliseconds_can_always_be_written(ms):
    assert parse_duration(f"{ms}ms") == ms
