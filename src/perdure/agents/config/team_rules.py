"""What a schema cannot say of a team: whether it has the members that its manner of working needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..team import MOST_COPIES, MOST_MEMBERS
from .problems import Finding, guess
from .scalars import as_number

_NEEDS: dict[str, tuple[tuple[str, int], ...]] = {
    "solo": (("proposer", 1),),
    "consult": (("proposer", 1),),
    "collaborate": (("proposer", 2),),
    "consensus": (("proposer", 2),),
    "swarm": (("proposer", 3),),
    "hierarchy": (("manager", 1), ("proposer", 1)),
    "chat": (("proposer", 2),),
    "handoff": (("proposer", 2),),
    "blackboard": (("proposer", 1),),
    "supervise": (("manager", 1), ("proposer", 1)),
}
"""How many members of which role a mode cannot do without."""


def team_findings(tree: Mapping[str, Any]) -> Iterator[Finding]:
    team = tree.get("team")
    if not isinstance(team, dict) or not isinstance(team.get("members"), dict):
        return
    if tree.get("class") is not None:
        yield Finding(("class",), "an agent is a team or a class, not both", "key")
    roles: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for name, member in team["members"].items():
        if not isinstance(member, dict):
            continue
        copies = as_number(member.get("copies", 1))
        if not isinstance(copies, int) or not 1 <= copies <= MOST_COPIES:
            continue  # the schema says so
        roles[str(member.get("role", "proposer"))] += copies
        taken.update([name] if copies == 1 else [f"{name}_{number}" for number in range(1, copies + 1)])
    members = ("team", "members")
    said = team.get("order")
    order = said if isinstance(said, list) else []
    for index, name in enumerate(order):
        if not isinstance(name, str):
            continue  # the schema says so
        if name not in team["members"]:
            yield Finding(("team", "order", index), "expected a member", shown=True, hint=guess(name, team["members"]))
        elif name in order[:index]:
            yield Finding(("team", "order", index), "this member comes before already", shown=True)
    for name, count in taken.items():
        if count > 1:
            yield Finding(members, f"two members are called {name}: one of them is a copy of another")
    if roles.total() > MOST_MEMBERS:
        yield Finding(members, f"{roles.total()} members; a team has at most {MOST_MEMBERS}")
    mode = str(team.get("mode", "consult"))
    for role, count in _NEEDS.get(mode, ()):
        if roles[role] < count:
            what = f"`mode: {mode}` needs {count} of `role: {role}`, there {'is' if roles[role] == 1 else 'are'}"
            yield Finding(members, f"{what} {roles[role] or 'none'}")
    votes = team.get("votes")
    votes = votes if isinstance(votes, dict) else {}
    if "judge" in (votes.get("by"), votes.get("undecided")) and not roles["judge"]:
        yield Finding(members, "a judge decides the vote, and nobody has `role: judge`")
    if team.get("reflexion") is not None and not roles["evaluator"]:
        yield Finding(members, "`reflexion` needs a member of `role: evaluator`")
