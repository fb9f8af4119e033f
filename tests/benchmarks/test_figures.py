"""Rounds become a median with the least and the greatest beside it."""

from __future__ import annotations

import pytest
from figures import short, summary


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert summary([{"ms": 3.0}, {"ms": 1.0}, {"ms": 8.0}]) == {"ms": {"median": 3.0, "min": 1.0, "max": 8.0}}


def test_of_an_even_number_it_is_the_middle_between_two() -> None:
    assert summary([{"ms": 1.0}, {"ms": 2.0}])["ms"]["median"] == 1.5


def test_a_round_without_the_figure_does_not_count() -> None:
    assert summary([{"ms": 4.0}, {}])["ms"] == {"median": 4.0, "min": 4.0, "max": 4.0}
    assert summary([{}]) == {}


@pytest.mark.parametrize(
    ("value", "shown"), [(0.35123, "0.351"), (12.44, "12.4"), (99.96, "100"), (1234.4, "1,234"), (0.0, "0")]
)
def test_three_figures_are_shown(value: float, shown: str) -> None:
    assert short(value) == shown
