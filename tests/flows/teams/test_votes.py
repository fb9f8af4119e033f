"""Votes are counted by plain functions; these are what has to hold of any vote."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.flows.teams.votes import Ballot, Tally, count, leader

CANDIDATES = ("1", "2", "3", "4")
CHOICES = st.sampled_from([*CANDIDATES, ""])
BALLOTS = st.lists(
    st.builds(Ballot, st.integers(0, 12).map("v{}".format), CHOICES, st.floats(0, 1)),
    max_size=12,
    unique_by=lambda ballot: ballot.voter,
)
WEIGHTS = st.dictionaries(st.integers(0, 12).map("v{}".format), st.floats(0.01, 1), max_size=13)
SHARE = st.floats(0, 0.95)


def votes(*choices: str) -> list[Ballot]:
    return [Ballot(f"v{number}", choice) for number, choice in enumerate(choices)]


def electorate(size: int) -> list[str]:
    return [f"v{number}" for number in range(size)]


def counted(*choices: str, voters: int = 0, quorum: float = 0.5, needs: float = 0.5) -> Tally:
    return count(votes(*choices), CANDIDATES, voters=electorate(voters or len(choices)), quorum=quorum, needs=needs)


def test_more_than_half_wins() -> None:
    tally = counted("1", "1", "2")
    assert (tally.verdict, tally.winner) == ("won", "1")
    assert tally.shares == {"1": 2 / 3, "2": 1 / 3, "3": 0, "4": 0}


def test_half_is_not_more_than_half() -> None:
    assert counted("1", "1", "2", "3").verdict == "short"
    assert counted("1", "1", "2", "2").verdict == "tie"
    assert counted("1", "1", "2", "3", needs=0.4).winner == "1"


def test_abstentions_count_for_the_quorum_and_for_nothing_else() -> None:
    assert counted("1", "", "", voters=6).winner == "1"
    assert counted("1", "", voters=6).verdict == "no_quorum"
    assert counted("", "", "").verdict == "empty"


def test_without_ballots_there_is_no_quorum_whatever_is_asked_for() -> None:
    assert counted(voters=3, quorum=0).verdict == "no_quorum"


def test_weights_turn_a_majority_of_heads() -> None:
    ballots = votes("1", "1", "2")
    weights = {"v0": 0.2, "v1": 0.2, "v2": 0.9}
    assert count(ballots, CANDIDATES, voters=electorate(3), weights=weights).winner == "2"


def test_only_the_first_ballot_of_a_voter_counts_and_none_for_nobody() -> None:
    ballots = [Ballot("ann", "1"), Ballot("ann", "2"), Ballot("ann", "2"), Ballot("bob", "9")]
    tally = count(ballots, CANDIDATES, voters=["ann", "bob"])
    assert (tally.winner, tally.cast) == ("1", 1)


def test_the_leader_of_a_tie_is_the_one_whose_voters_are_surest() -> None:
    ballots = [Ballot("a", "1", 0.4), Ballot("b", "2", 0.9), Ballot("c", "3", 1.0)]
    tied = count(ballots[:2], CANDIDATES, voters=["a", "b"])
    assert leader(tied, ballots, CANDIDATES) == "2"
    assert leader(count([], CANDIDATES, voters=electorate(2)), [], CANDIDATES) == "1"


@settings(deadline=None)
@given(BALLOTS, st.lists(CHOICES, max_size=20), WEIGHTS)
def test_strangers_change_nothing(ballots: list[Ballot], choices: list[str], weights: dict[str, float]) -> None:
    strangers = [Ballot(f"stranger{number}", choice) for number, choice in enumerate(choices)]
    before = count(ballots, CANDIDATES, voters=electorate(13), weights=weights)
    assert count([*strangers, *ballots], CANDIDATES, voters=electorate(13), weights=weights) == before


@settings(deadline=None)
@given(BALLOTS, WEIGHTS, SHARE, SHARE, st.randoms(use_true_random=False))
def test_the_order_of_ballots_means_nothing(
    ballots: list[Ballot], weights: dict[str, float], needs: float, quorum: float, random: object
) -> None:
    mixed = list(ballots)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    first = count(ballots, CANDIDATES, voters=electorate(13), weights=weights, needs=needs, quorum=quorum)
    assert count(mixed, CANDIDATES, voters=electorate(13), weights=weights, needs=needs, quorum=quorum) == first


@settings(deadline=None)
@given(BALLOTS, SHARE, SHARE)
def test_one_more_ballot_for_the_winner_never_takes_the_win(ballots: list[Ballot], needs: float, quorum: float) -> None:
    voters = [*electorate(13), "late"]
    tally = count(ballots, CANDIDATES, voters=voters, needs=needs, quorum=quorum)
    if tally.winner:
        more = [*ballots, Ballot("late", tally.winner)]
        assert count(more, CANDIDATES, voters=voters, needs=needs, quorum=quorum).winner == tally.winner


@settings(deadline=None)
@given(BALLOTS, WEIGHTS, SHARE)
def test_a_winner_leads_alone_and_has_what_is_needed(
    ballots: list[Ballot], weights: dict[str, float], needs: float
) -> None:
    tally = count(ballots, CANDIDATES, voters=electorate(13), weights=weights, needs=needs, quorum=0)
    if tally.winner:
        assert tally.leaders == (tally.winner,)
        assert tally.shares[tally.winner] > needs
        assert all(share < tally.shares[tally.winner] for name, share in tally.shares.items() if name != tally.winner)
    assert leader(tally, ballots, CANDIDATES) in (tally.leaders or CANDIDATES)


@settings(deadline=None)
@given(BALLOTS, st.integers(1, 5), SHARE)
def test_abstaining_changes_no_share(ballots: list[Ballot], more: int, needs: float) -> None:
    abstaining = [Ballot(f"quiet{number}", "") for number in range(more)]
    voters = [*electorate(13), *(one.voter for one in abstaining)]
    before = count(ballots, CANDIDATES, voters=voters, needs=needs, quorum=0)
    after = count([*ballots, *abstaining], CANDIDATES, voters=voters, needs=needs, quorum=0)
    assert after.cast == before.cast + more
    assert after.shares == before.shares
    assert after.winner == before.winner


@settings(deadline=None)
@given(BALLOTS, st.permutations(CANDIDATES))
def test_no_candidate_is_favoured_by_its_name(ballots: list[Ballot], names: list[str]) -> None:
    renamed = dict(zip(CANDIDATES, names, strict=True))
    other = [Ballot(one.voter, renamed.get(one.choice, ""), one.confidence) for one in ballots]
    tally = count(ballots, CANDIDATES, voters=electorate(13), quorum=0)
    assert count(other, CANDIDATES, voters=electorate(13), quorum=0).winner == renamed.get(tally.winner, "")
