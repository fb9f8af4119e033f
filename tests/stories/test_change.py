"""What changes while a run is in flight: it keeps the spec that it began with, and a changed tool is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.testing import Scripted, by_turn, call

TOOL = '''
from perdure import tool

@tool(effect="read")
def weigh(thing: str) -> str:
    """Weigh something."""
    return "%s"
'''
AGENT = """
name: scales
model: scripted/scales
instructions: %s
tools: ["./tools.py:weigh", ask]
"""


def scales() -> Scripted:
    return Scripted(by_turn([call("weigh", thing="gold"), call("ask", question="More?"), "done"]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scales.yaml").write_text(AGENT % "Be exact.")
    (tmp_path / "tools.py").write_text(TOOL % "1 kg")
    return tmp_path


async def half_way(folder: Path) -> perdure.RunResult:
    async with perdure.open(folder, models={"scripted/scales": scales()}) as rt:
        asked = await rt.run("scales.yaml", "Weigh the gold")
        assert asked.waiting_for == "approval"
        return asked


async def test_a_run_in_flight_keeps_its_spec(folder: Path) -> None:
    asked = await half_way(folder)
    (folder / "scales.yaml").write_text(AGENT % "Be generous.")
    model = scales()
    async with perdure.open(folder, models={"scripted/scales": model}) as rt:
        await rt.approve(asked.run_id, "no")
        assert (await rt.resume(asked.run_id)).output == "done"
        assert {request.system for request in model.requests} == {"Be exact."}
        new = await rt.start("scales.yaml", "Weigh the silver")
        assert (await rt.wait(new)).waiting_for == "approval"
        assert model.requests[-1].system == "Be generous."


async def test_a_run_in_flight_goes_on_when_its_file_is_gone(folder: Path) -> None:
    asked = await half_way(folder)
    (folder / "scales.yaml").unlink()
    async with perdure.open(folder, models={"scripted/scales": scales()}) as rt:
        await rt.approve(asked.run_id, "no")
        assert (await rt.resume(asked.run_id)).output == "done"


async def test_a_changed_tool_is_named_and_what_it_said_stays(folder: Path) -> None:
    asked = await half_way(folder)
    (folder / "tools.py").write_text(TOOL % "2 kg")
    model = scales()
    async with perdure.open(folder, models={"scripted/scales": model}) as rt:
        replayed = await rt.replay(asked.run_id)
        assert replayed.changed_tools == ("weigh",)
        assert replayed.verdict == "goes on"
        await rt.approve(asked.run_id, "no")
        assert (await rt.resume(asked.run_id)).output == "done"
        said: Any = model.requests[-1].messages
        assert said[2].parts[0].parts[0].text == "1 kg"


async def test_a_tool_that_is_gone_stops_the_run_and_nothing_is_lost(folder: Path) -> None:
    asked = await half_way(folder)
    (folder / "tools.py").rename(folder / "gone.py")
    async with perdure.open(folder, models={"scripted/scales": scales()}) as rt:
        with pytest.raises(perdure.PerdureError, match=r"tools\.py"):
            await rt.approve(asked.run_id, "no")
            await rt.resume(asked.run_id)
    (folder / "gone.py").rename(folder / "tools.py")
    async with perdure.open(folder, models={"scripted/scales": scales()}) as rt:
        assert (await rt.resume(asked.run_id)).output == "done"
        assert await rt.store.verify(asked.agent_id) == []


async def test_a_handler_that_asks_something_else_is_told_where(tmp_path: Path) -> None:
    code = """
from perdure import Agent

class Fickle(Agent):
    async def on_message(self, ctx, message):
        async def look(key):
            return 1
        await ctx.effect("look", "", look, request="{asked}", effect="read")
        return await ctx.ask("well?")
"""
    (tmp_path / "fickle.yaml").write_text("name: fickle\nclass: ./fickle.py:Fickle\n")
    (tmp_path / "fickle.py").write_text(code.replace("{asked}", "left"))
    async with perdure.open(tmp_path) as rt:
        asked = await rt.run("fickle.yaml", "go")
    (tmp_path / "fickle.py").write_text(code.replace("{asked}", "right"))
    async with perdure.open(tmp_path) as rt:
        await rt.approve(asked.run_id, "yes")
        ended = await rt.wait(asked.run_id) if (await rt.store.load_run(asked.run_id)).status == "failed" else None
        ended = ended or await rt.resume(asked.run_id)
        assert ended.status == "failed"
        assert ended.error is not None
        assert ended.error["code"] == "run.replay_divergence"
        assert ended.error["facts"] == {"key": "look", "recorded": "left", "asked": "right"}
    (tmp_path / "fickle.py").write_text(code.replace("{asked}", "left"))
    async with perdure.open(tmp_path) as rt:
        assert (await rt.resume(asked.run_id)).output == "yes"
