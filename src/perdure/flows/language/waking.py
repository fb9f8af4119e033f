"""`on`: what starts a flow by itself, as it wakes an agent."""

from __future__ import annotations

from typing import Any

from perdure.agents.config.build import build
from perdure.agents.config.problems import Finding, Problem
from perdure.agents.config.rules import trigger_findings
from perdure.agents.section import Section
from perdure.agents.spec import Trigger
from perdure.base.errors import InvalidFile

from .desk import Desk
from .spot import Spot

_AGENTS_ONLY = {
    "webhook": "a flow takes no deliveries; let an agent publish them as events",
    "secret": "a flow takes no deliveries",
    "input": "a flow takes what happened by the names of its `inputs`; give the others a `default`",
}


class _Waking(Section, frozen=True):
    on: tuple[Trigger, ...] = ()


def triggers_of(spot: Spot | None, desk: Desk) -> tuple[Trigger, ...]:
    """What the entries say. What is wrong is on the desk afterwards."""
    if spot is None:
        return ()
    known = len(desk.problems)
    for entry in spot if isinstance(spot.value, list) else ():
        for key, inner in entry.items() if isinstance(entry.value, dict) else ():
            if key in _AGENTS_ONLY:
                desk.wrong(inner, _AGENTS_ONLY[key], key=True)
            elif isinstance(inner.value, str) and "${" in inner.value:
                desk.wrong(inner, "there is nothing yet that an expression could read")
    if len(desk.problems) > known:
        return ()

    def place(finding: Finding, what: str) -> Problem:
        return spot.within(finding.path[1:], None).problem(what, key=finding.at == "key")

    def rules(tree: dict[str, Any]) -> list[Finding]:
        return list(trigger_findings(tree["on"]))

    try:
        return build(_Waking, {"on": spot.value}, {}, rules=rules, place=place).on
    except InvalidFile as error:
        desk.problems += error.problems
        return ()
