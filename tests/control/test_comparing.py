"""What changed between two definitions, and what that touches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.agents.spec import AgentFile
from perdure.control.comparing import AREAS, KeyChange, area_of
from perdure.testing import Scripted, call

PRICED = "model: {provider: scripted, name: m, price: {input: 1, output: 2}, max_tokens: 1000}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"name: clerk\n{PRICED}{text}")
    return path


async def compared(rt: perdure.Runtime, old: Path, new: Path) -> Any:
    return await rt.compare(rt.spec(old), rt.spec(new))


async def test_what_is_written_otherwise_is_the_same(tmp_path: Path) -> None:
    old = write(tmp_path, "old", "limits: {steps: 3}\n# nothing\n")
    new = write(tmp_path, "new", "limits:\n  steps: 3\n")
    async with perdure.open(tmp_path) as rt:
        found = await compared(rt, old, new)
    assert (found.changes, found.old_digest) == ((), found.new_digest)


async def test_each_key_is_told_with_what_it_is_about(tmp_path: Path) -> None:
    old = write(tmp_path, "old", "instructions: a\ntools: [calculator]\nbudget: {per_run: $1, approvers: [eve]}\n")
    new = write(tmp_path, "new", "instructions: b\ntools: [calculator, time]\nbudget: {per_run: $2}\nversion: 1.0.0\n")
    async with perdure.open(tmp_path) as rt:
        found = await compared(rt, old, new)
    assert found.changes == (
        KeyChange("budget.approvers", "permissions", ["eve"], None),
        KeyChange("budget.per_run", "cost", "$1", "$2"),
        KeyChange("instructions", "behaviour", "a", "b"),
        KeyChange("tools", "permissions", ["calculator"], ["calculator", "time"]),
        KeyChange("version", "nothing", None, "1.0.0"),
    )
    assert (found.tools_gone, found.tools_new) == ((), ("time",))


async def test_bounds_say_what_a_call_and_a_run_may_cost(tmp_path: Path) -> None:
    old = write(tmp_path, "old", "context: {tokens: 1000}\nlimits: {steps: 2}\n")
    new = write(tmp_path, "new", "context: {tokens: 3000}\nlimits: {steps: 2}\n")
    least = write(tmp_path, "least", "context: {tokens: 3000}\nlimits: {steps: 2}\nbudget: {per_run: $0.001}\n")
    async with perdure.open(tmp_path) as rt:
        found = await compared(rt, old, new)
        assert (found.old_bounds.call_microusd, found.old_bounds.run_microusd) == (3_000, 6_000)
        assert (found.new_bounds.call_microusd, found.new_bounds.run_microusd) == (5_000, 10_000)
        assert (await compared(rt, old, least)).new_bounds.run_microusd == 1_000


async def test_runs_under_way_on_the_old_one_are_counted(tmp_path: Path) -> None:
    old = write(tmp_path, "old", "tools: [ask]\n")
    new = write(tmp_path, "new", "")
    model = Scripted([call("ask", question="?")], name="scripted/m")
    async with perdure.open(tmp_path, models={"scripted/m": model}) as rt:
        await rt.run(old, "x")
        found = await compared(rt, old, new)
        assert (found.runs, found.agents, found.tools_gone) == ({"waiting": 1}, 1, ("ask",))
        assert (await compared(rt, new, old)).runs == {}


async def test_what_cannot_be_made_ready_is_said_and_the_keys_are_told_all_the_same(tmp_path: Path) -> None:
    old = write(tmp_path, "old", "")
    new = write(tmp_path, "new", 'tools: ["./gone.py:x"]\n')
    async with perdure.open(tmp_path) as rt:
        found = await compared(rt, old, new)
    assert "gone.py" in found.problem
    assert [change.key for change in found.changes] == ["tools"]


async def test_variables_stay_unfilled(tmp_path: Path) -> None:
    old = write(tmp_path, "old", "instructions: ${A}\n")
    new = write(tmp_path, "new", "instructions: ${B}\n")
    async with perdure.open(tmp_path, environment={"A": "secret", "B": "secret"}) as rt:
        found = await compared(rt, old, new)
    assert found.changes == (KeyChange("instructions", "behaviour", "${A}", "${B}"),)


@pytest.mark.parametrize("key", sorted(AREAS))
def test_keys_that_are_about_something_are_keys_of_a_file(key: str) -> None:
    assert key.partition(".")[0] in AgentFile.__struct_encode_fields__


def test_the_longest_key_that_fits_counts() -> None:
    assert area_of("budget.approvers") == "permissions"
    assert area_of("budget.per_run") == "cost"
    assert area_of("limits.tool_timeout") == "behaviour"
    assert area_of("something.else") == "behaviour"
