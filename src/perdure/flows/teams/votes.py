"""How ballots become a decision: plain functions over plain values.

A ballot is cast for one candidate, or abstains. The share of a candidate is its weight by the weight of all ballots
that do not abstain. It has won where its share exceeds what is needed and nobody's is as large. Ballots that did not
come weigh nothing; with too few of all voters' ballots, abstentions included, there is no quorum and no winner.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

Verdict: TypeAlias = Literal["won", "tie", "short", "no_quorum", "empty"]
"""`tie`: several lead; `short`: one leads, but not by what is needed; `empty`: everybody abstains."""


class Ballot(msgspec.Struct, frozen=True):
    """`choice` is a candidate's label, "" for an abstention; `confidence` is the voter's, from 0 to 1; `run_id` is the
    voter's own run, which cast it."""

    voter: str
    choice: str
    confidence: float = 1.0
    why: str = ""
    run_id: str = ""


class Tally(msgspec.Struct, frozen=True):
    """`leaders` have the largest share, in the order of candidates; `shares` are of all candidates. `winner` is ""
    where nobody has won."""

    verdict: Verdict
    winner: str
    leaders: tuple[str, ...]
    shares: dict[str, float]
    cast: int
    voters: int


def count(
    ballots: Sequence[Ballot],
    candidates: Sequence[str],
    *,
    voters: Collection[str],
    weights: Mapping[str, float] | None = None,
    needs: float = 0.5,
    quorum: float = 0.5,
) -> Tally:
    """The outcome of a vote. `weights` are by voter, 1 where it names none. The ballot of a stranger, a voter's second
    one, and one for nobody who stands, do not count. The order of ballots does not matter."""
    first: dict[str, Ballot] = {}
    for ballot in ballots:
        if ballot.voter in voters and (ballot.choice == "" or ballot.choice in candidates):
            first.setdefault(ballot.voter, ballot)
    valid = list(first.values())
    weigh = {} if weights is None else weights
    # fsum is exact: the order in which ballots came cannot make or break a tie.
    total = {
        label: math.fsum(weigh.get(one.voter, 1.0) for one in valid if one.choice == label) for label in candidates
    }
    cast = math.fsum(weigh.get(one.voter, 1.0) for one in valid if one.choice)
    shares = {label: weight / cast if cast else 0.0 for label, weight in total.items()}
    most = max(total.values(), default=0.0)
    leaders = tuple(label for label in candidates if cast and total[label] == most)
    verdict: Verdict
    if len(valid) < quorum * len(voters) or not valid:
        verdict = "no_quorum"
    elif not cast:
        verdict = "empty"
    elif len(leaders) > 1:
        verdict = "tie"
    elif shares[leaders[0]] <= needs:
        verdict = "short"
    else:
        verdict = "won"
    return Tally(verdict, leaders[0] if verdict == "won" else "", leaders, shares, len(valid), len(voters))


def leader(tally: Tally, ballots: Sequence[Ballot], candidates: Sequence[str]) -> str:
    """Who is taken where nobody has won and somebody must be: of those in the lead, whose voters are surest on average,
    and of these the first. Where nobody leads, all candidates are looked at."""
    contenders = tally.leaders or tuple(candidates)

    def sure(label: str) -> float:
        given = [one.confidence for one in ballots if one.choice == label]
        return math.fsum(given) / len(given) if given else 0.0

    return max(contenders, key=lambda label: (sure(label), -contenders.index(label)))
