"""From a spec to mounts: presets, permissions, and what is decided later."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.agents.config.loader import agent_from
from perdure.agents.permissions import DEFAULTS, PRESETS, Changed, grants, may_call, place, places, row_of
from perdure.agents.spec import AgentSpec
from perdure.base.errors import InvalidFile


def spec(**fields: Any) -> AgentSpec:
    return agent_from({"name": "ann", "model": "demo/planner", **fields}, environment={})


def levels(spec: AgentSpec, **more: Any) -> dict[str, str]:
    return {"/".join(one.path): one.access for one in places(spec, DEFAULTS, **more)}


def test_without_a_word_everything_has_its_usual_level() -> None:
    found = levels(spec())
    assert (found["status"], found["goals"], found["identity"], found["compute"]) == (
        "read_only",
        "read_write",
        "sign_only",
        "budgeted",
    )
    assert "tools" not in found  # each tool is a mount of its own


@pytest.mark.parametrize("autonomy", PRESETS)
def test_autonomy_is_a_set_of_levels(autonomy: str) -> None:
    found = levels(spec(autonomy=autonomy))
    assert {name: found[name] for name in PRESETS[autonomy]} == PRESETS[autonomy]


def test_permissions_outdo_the_preset_and_the_longest_path_counts() -> None:
    agent = spec(
        autonomy="supervised", permissions={"/compute": "budgeted", "/goals": "disabled", "/goals/own": "read_write"}
    )
    found = levels(agent)
    assert (found["compute"], found["wallet"]) == ("budgeted", "disabled")
    assert (found["goals"], found["goals/own"]) == ("disabled", "read_write")


def test_each_tool_is_a_mount() -> None:
    agent = spec(tools=["calculator", "time"], permissions={"/tools/time": "disabled"})
    found = levels(agent, tools=["calculator", "time"])
    assert (found["tools/calculator"], found["tools/time"]) == ("read_write", "disabled")
    assert (grants(agent, "calculator"), grants(agent, "time")) == (True, False)


def test_what_is_decided_later_outdoes_the_spec_also_from_above() -> None:
    agent = spec(permissions={"/tools/time": "read_write"})
    changes = {("tools",): Changed("disabled", "boss", 7)}
    assert levels(agent, tools=["time"], changes=changes)["tools/time"] == "disabled"
    assert not may_call("time", changes)
    assert may_call("time", changes | {("tools", "time"): Changed("read_write")})
    assert row_of(place(agent, ("tools", "time"), changes), agent) == {
        "path": "/tools/time",
        "access": "disabled",
        "by": "changed",
        "who": "boss",
    }


def test_the_table_shows_who_says_so_and_what_may_be_spent() -> None:
    agent = spec(autonomy="autonomous", budget={"per_run": "$1", "per_day": 5})
    assert row_of(place(agent, ("compute",)), agent) == {
        "path": "/compute",
        "access": "budgeted",
        "by": "autonomy autonomous",
        "per_run_microusd": 1_000_000,
        "per_day_microusd": 5_000_000,
    }


def test_an_agent_whose_spec_cannot_be_read_only_looks_on() -> None:
    assert {one.access for one in places(None, DEFAULTS)} == {"read_only"}


@pytest.mark.parametrize(
    ("permissions", "what"),
    [
        ({"/walet": "disabled"}, "an agent has no /walet"),
        ({"goals": "read_only"}, "does not begin with /"),
        ({"/goals/../wallet": "read_only"}, "leads somewhere else"),
        ({"/": "read_only"}, "an agent has no /"),
        ({"/compute": "read_write"}, "it can be budgeted, read_only or disabled"),
        ({"/goals": "none"}, "read_only"),
        ({"/mounts": "read_write"}, "it shows what is mounted"),
    ],
)
def test_what_makes_no_sense_is_refused(permissions: dict[str, str], what: str) -> None:
    with pytest.raises(InvalidFile, match=what):
        spec(permissions=permissions)
