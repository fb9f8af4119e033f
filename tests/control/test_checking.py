"""What new files would break of what is under way, told before they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.control.checking import Check
from perdure.testing import Scripted, by_turn, call

TOOLS = '''
from perdure import tool

@tool(effect="once")
async def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"
'''
CLERK = """\
name: clerk
model: scripted/m
tools: ["../tools.py:pay", ask]
approve: [pay]
"""
WALKER = """
import perdure

class Walker(perdure.Agent):
    class State(perdure.AgentState):
        %s

    async def on_message(self, ctx, message):
        async def step(_):
            return 1
        %s
"""
BODY = 'await ctx.effect("step", "a", step, effect="read"); return await ctx.ask("well?")'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "agents" / "clerk.yaml").write_text(CLERK)
    (tmp_path / "agents" / "walker.yaml").write_text("name: walker\nclass: ../walker.py:Walker\n")
    (tmp_path / "walker.py").write_text(WALKER % ("count: int = 0", BODY))
    return tmp_path


def paying() -> dict[str, Any]:
    return {"scripted/m": Scripted(by_turn([call("pay", amount=5), "Paid."]), name="scripted/m")}


async def waiting(folder: Path, agent: str = "clerk") -> str:
    """A run that waits for a person."""
    async with perdure.open(folder, models=paying()) as rt:
        result = await rt.run(f"agents/{agent}.yaml", "go", agent=f"{agent}-1")
        assert result.status == "waiting"
        return result.run_id


async def checked(folder: Path) -> Check:
    """Another process, with the files as they are now."""
    async with perdure.open(folder, models=paying()) as rt:
        return await rt.check()


async def test_where_nothing_changed_nothing_breaks(folder: Path) -> None:
    await waiting(folder)
    check = await checked(folder)
    assert (check.ok, check.runs, check.agents, check.findings) == (True, 1, 1, ())


async def test_runs_that_have_ended_are_nobodys_business(folder: Path) -> None:
    async with perdure.open(folder, models=paying()) as rt:
        asked = await rt.run("agents/clerk.yaml", "go")
        await rt.approve(asked.run_id)
        assert (await rt.wait(asked.run_id, beyond=asked.waits)).status == "done"
    (folder / "tools.py").unlink()
    (folder / "agents" / "clerk.yaml").unlink()
    assert (await checked(folder)).ok


async def test_a_tool_that_is_gone_breaks_the_run(folder: Path) -> None:
    run_id = await waiting(folder)
    for text in (None, TOOLS.replace("pay(", "pay_out("), "def"):
        (folder / "tools.py").unlink(missing_ok=True)
        if text is not None:
            (folder / "tools.py").write_text(text)
        check = await checked(folder)
        (finding,) = [finding for finding in check.findings if finding.reason != "file"]
        assert (check.ok, finding.reason, finding.run_id, finding.status) == (False, "gone", run_id, "waiting")
        assert finding.what


async def test_a_tool_whose_source_changed_is_named_and_breaks_nothing(folder: Path) -> None:
    run_id = await waiting(folder)
    (folder / "tools.py").write_text(TOOLS.replace("paid", "gave"))
    check = await checked(folder)
    (finding,) = check.findings
    assert (check.ok, finding.reason, finding.run_id, finding.breaks) == (True, "tool", run_id, False)


async def test_an_approval_for_arguments_that_the_tool_no_longer_takes_breaks_the_run(folder: Path) -> None:
    await waiting(folder)
    (folder / "tools.py").write_text(TOOLS.replace("amount", "total"))
    check = await checked(folder)
    assert [finding.reason for finding in check.findings] == ["tool", "diverges"]
    assert "no longer wait" in check.findings[1].what
    # It is what would become of the run indeed.
    async with perdure.open(folder, models=paying()) as rt:
        (run,) = (await rt.runs()).items
        await rt.approve(run.run_id)
        ended = await rt.resume(run.run_id)
        assert "paid" not in str(ended.output)


async def test_a_handler_that_would_do_something_else_breaks_the_run(folder: Path) -> None:
    run_id = await waiting(folder, "walker")
    (folder / "walker.py").write_text(WALKER % ("count: int = 0", BODY.replace('"a"', '"b"')))
    check = await checked(folder)
    (finding,) = check.findings
    assert (check.ok, finding.reason, finding.run_id) == (False, "diverges", run_id)


async def test_a_state_that_can_no_longer_be_read_breaks_the_agent(folder: Path) -> None:
    (folder / "walker.py").write_text(WALKER % ("count: int = 0", "self.state.count += 1; return 1"))
    async with perdure.open(folder) as rt:
        assert (await rt.run("agents/walker.yaml", "go", agent="w")).status == "done"
    for fields in ("count: list = []", "count: int = 0\n        version = 2"):
        (folder / "walker.py").write_text(WALKER % (fields, "return 1"))
        check = await checked(folder)
        (finding,) = check.findings
        assert (finding.reason, finding.agent_id, finding.run_id) == ("state", "w", "")
    (folder / "walker.py").write_text(WALKER % ("count: int = 0\n        more: str = ''", "return 1"))
    assert (await checked(folder)).ok


async def test_a_file_that_is_wrong_is_found(folder: Path) -> None:
    (folder / "agents" / "clerk.yaml").write_text("name: clerk\nmodell: x\n")
    check = await checked(folder)
    (finding,) = check.findings
    assert (finding.reason, finding.file, check.ok) == ("file", "agents/clerk.yaml", False)


async def test_a_file_whose_tool_is_not_there_is_found_though_nothing_is_under_way(folder: Path) -> None:
    (folder / "tools.py").write_text("")
    check = await checked(folder)
    (finding,) = check.findings
    assert (finding.reason, finding.file, check.ok) == ("file", "agents/clerk.yaml", False)


async def test_a_definition_that_is_not_in_the_store_breaks_its_run(folder: Path) -> None:
    run_id = await waiting(folder)
    async with perdure.open(folder, models=paying()) as rt:
        row = await rt.store.load_run(run_id)
        assert row is not None
        read = rt.library._read

        async def lost(digest: str) -> bytes | None:
            return None if digest == row.spec else await read(digest)

        rt.library._read = lost
        (finding,) = (await rt.check()).findings
        assert (finding.reason, finding.run_id) == ("gone", run_id)


async def test_checking_writes_nothing(folder: Path) -> None:
    await waiting(folder)
    await waiting(folder, "walker")
    async with perdure.open(folder, models=paying()) as rt:
        before = [await rt.store.load_agent(agent) for agent in ("clerk-1", "walker-1")]
        await rt.check()
        assert [await rt.store.load_agent(agent) for agent in ("clerk-1", "walker-1")] == before
