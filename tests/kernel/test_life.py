"""The states of an agent's life, and what leads from one to another."""

from __future__ import annotations

from typing import get_args

import pytest

from perdure.base.errors import AgentAtRest, AgentTerminated
from perdure.kernel.life import LifeVerb, after, changed
from perdure.kernel.records import AgentChanged, AgentStatus
from perdure.kernel.store.rows import AgentRow

TABLE = {
    #             start     wake      stop           hibernate  terminate
    "created": ("active", "active", "quarantined", "dormant", "terminated"),
    "active": ("active", "active", "quarantined", "dormant", "terminated"),
    "dormant": ("active", "active", "quarantined", "dormant", "terminated"),
    "failed": ("active", "active", "quarantined", AgentAtRest, "terminated"),
    "quarantined": ("active", "active", "quarantined", AgentAtRest, "terminated"),
    "terminated": (AgentTerminated, AgentTerminated, AgentTerminated, AgentTerminated, "terminated"),
}


@pytest.mark.parametrize("status", get_args(AgentStatus))
@pytest.mark.parametrize("verb", get_args(LifeVerb))
def test_every_verb_in_every_state(status: AgentStatus, verb: LifeVerb) -> None:
    expected = TABLE[status][get_args(LifeVerb).index(verb)]
    if isinstance(expected, str):
        assert after(verb, status, "ann") == expected
        return
    with pytest.raises(expected) as caught:
        after(verb, status, "ann")
    assert caught.value.facts["agent_id"] == "ann"


def test_a_change_is_a_row_and_a_record_and_none_is_neither() -> None:
    row = AgentRow("ann", "spec", 1)
    dormant, entries = changed(row, "dormant", who="boss", why="no work", now=7)
    assert (dormant.status, dormant.updated_at) == ("dormant", 7)
    assert entries == [("", AgentChanged(status="dormant", who="boss", why="no work"))]
    assert changed(dormant, "dormant", why="again", now=9) == (dormant, [])
