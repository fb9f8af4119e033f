"""What past wins make a ballot worth."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from perdure.flows.teams.rates import Standing


def played(*outcomes: bool, decay: float = 1.0) -> Standing:
    standing = Standing()
    for won in outcomes:
        standing = standing.after(won, decay)
    return standing


def test_without_a_past_a_ballot_is_worth_one_half() -> None:
    assert Standing().rate(1) == Standing().rate(20) == 0.5


def test_the_formula() -> None:
    standing = played(True, True, False, decay=0.9)
    assert (standing.wins, standing.games) == (approx(0.9**2 + 0.9), approx(0.9**2 + 0.9 + 1))
    assert standing.rate(2) == approx((standing.wins + 2) / (standing.games + 4))


def test_what_is_long_ago_is_forgotten() -> None:
    fallen, risen = played(*[True] * 50, *[False] * 50, decay=0.9), played(*[False] * 50, *[True] * 50, decay=0.9)
    assert fallen.rate(1) < 0.2 < 0.8 < risen.rate(1)


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=200), st.floats(0.01, 1), st.floats(0.01, 100))
def test_a_rate_is_never_certain(outcomes: list[bool], decay: float, prior: float) -> None:
    assert 0 < played(*outcomes, decay=decay).rate(prior) < 1


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=50), st.floats(0.01, 1), st.floats(0.01, 100))
def test_a_win_is_worth_more_than_a_loss(outcomes: list[bool], decay: float, prior: float) -> None:
    before = played(*outcomes, decay=decay)
    assert before.after(True, decay).rate(prior) > before.after(False, decay).rate(prior)
