"""Money is exact to the micro-dollar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.errors import InputError
from perdure.base.money import parse_money, show_money


@pytest.mark.parametrize(
    ("written", "micro"),
    [
        ("$0.10", 100_000),
        (0.1, 100_000),
        (5, 5_000_000),
        ("5 USD", 5_000_000),
        ("$ 1_000.5", 1_000_500_000),
        (".5", 500_000),
        ("0.0000005", 1),
        (1e-7, 0),
        (1e22, 10**28),
        (0, 0),
    ],
)
def test_people_write_money_in_many_ways(written, micro):
    assert parse_money(written) == micro


@pytest.mark.parametrize(
    "written", [True, "", "ten", "-1", -1, -0.5, float("nan"), float("inf"), "1,000", "$1 per day", "1e3"]
)
def test_what_is_no_amount_is_refused_with_a_hint(written):
    with pytest.raises(InputError) as found:
        parse_money(written)
    assert "$0.10" in found.value.hint


@pytest.mark.parametrize(
    ("micro", "shown"),
    [
        (0, "$0.00"),
        (100_000, "$0.10"),
        (104_200, "$0.1042"),
        (1, "$0.000001"),
        (-1_500_000, "-$1.50"),
        (10**12, "$1,000,000.00"),
    ],
)
def test_money_is_shown_with_as_many_places_as_it_needs(micro, shown):
    assert show_money(micro) == shown


@given(st.integers(0, 10**15))
def test_what_is_shown_can_be_read_back(micro):
    assert parse_money(show_money(micro).replace(",", "")) == micro
