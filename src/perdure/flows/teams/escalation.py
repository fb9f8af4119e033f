"""When an answer is unsure: a manner of working with more members follows, as far as the team has them and the budget
has room for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from perdure.agents.team import Mode

LADDER: tuple[Mode, ...] = ("solo", "consult", "collaborate", "consensus", "swarm")


def next_mode(mode: Mode, roles: Mapping[str, int], *, depth: int, room: int | None, dearest: int) -> Mode | None:
    """The next manner on the ladder that the members suffice for, None where there is none that can be paid.

    `room` is the micro-USD that are left, None for no bound; a turn is reckoned at what the `dearest` one so far cost.
    """
    if mode not in LADDER:
        return None
    for following in LADDER[LADDER.index(mode) + 1 :]:
        if suits(following, roles):
            turns = turns_of(following, roles, depth)
            return following if room is None or turns * dearest <= room else None
    return None


def suits(mode: Mode, roles: Mapping[str, int]) -> bool:
    """Whether there are members enough for this manner to be more than the one before."""
    proposers = roles.get("proposer", 0)
    match mode:
        case "solo":
            return proposers >= 1
        case "consult":
            return proposers >= 2 or roles.get("critic", 0) > 0
        case "collaborate" | "consensus":
            return proposers >= 2
        case _:
            return proposers >= 3


def turns_of(mode: Mode, roles: Mapping[str, int], depth: int) -> int:
    """The most turns that members take."""
    known = Counter(roles)
    proposers, critics, judge = known["proposer"], known["critic"], min(1, known["judge"])
    voters = proposers + critics
    match mode:
        case "solo":
            return 1
        case "consult":
            return 1 + depth * (max(1, critics) + 1) + judge
        case "collaborate":
            return proposers + max(1, depth) * (critics * min(1, depth) + 1) + judge
        case "consensus":
            return proposers + depth * (critics + proposers) + voters + judge
        case _:
            return (depth + 1) * (proposers + voters + judge)
