"""The states of an agent's life, pure: which there are, and what leads from one to another.

created → active ↔ dormant; failed and quarantined until a person lets it start again; terminated for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec.structs import replace

from perdure.base.errors import AgentAtRest, AgentTerminated

from .records import AgentChanged, AgentStatus, Event
from .store.rows import RESTING, AgentRow

LifeVerb: TypeAlias = Literal["start", "wake", "stop", "hibernate", "terminate"]

STILL = RESTING | {"terminated"}
"""States in which nothing begins; there is a way out of all but one."""

_UP: Mapping[AgentStatus, AgentStatus] = {
    "created": "active",
    "active": "active",
    "dormant": "active",
    "failed": "active",
    "quarantined": "active",
}
_LEADS: Mapping[LifeVerb, Mapping[AgentStatus, AgentStatus]] = {
    "start": _UP,
    "wake": _UP,
    "stop": {
        "created": "quarantined",
        "active": "quarantined",
        "dormant": "quarantined",
        "failed": "quarantined",
        "quarantined": "quarantined",
    },
    "hibernate": {"created": "dormant", "active": "dormant", "dormant": "dormant"},
    "terminate": {
        "created": "terminated",
        "active": "terminated",
        "dormant": "terminated",
        "failed": "terminated",
        "quarantined": "terminated",
        "terminated": "terminated",
    },
}


def after(verb: LifeVerb, status: AgentStatus, agent_id: str) -> AgentStatus:
    """The state that the verb leads to. Raises AgentTerminated and AgentAtRest where it leads nowhere from here."""
    reached = _LEADS[verb].get(status)
    if reached is not None:
        return reached
    if status == "terminated":
        raise terminated(agent_id)
    raise AgentAtRest(f"agent {agent_id!r} is {status} and cannot {verb}", agent_id=agent_id, status=status, verb=verb)


def changed(
    row: AgentRow, status: AgentStatus, *, why: str, now: int, who: str = ""
) -> tuple[AgentRow, list[tuple[str, Event]]]:
    """The agent's row in another state of its life, and the record that says so."""
    if row.status == status:
        return row, []
    event: Event = AgentChanged(status=status, who=who, why=why)
    return replace(row, status=status, updated_at=now), [("", event)]


def terminated(agent_id: str) -> AgentTerminated:
    return AgentTerminated(f"agent {agent_id!r} is terminated", agent_id=agent_id)


def timers_of(agent_id: str) -> str:
    """What stands in place of a run's id in the timers of the agent itself."""
    return f"agent:{agent_id}"
