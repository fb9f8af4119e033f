"""Replay: a run executed again against its journal, touching nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import RunNotFound
from perdure.testing import Scripted, call

AGENT = """
import perdure

class Walker(perdure.Agent):
    async def on_message(self, ctx, message):
        async def step(_):
            return 1
        %s
"""


@pytest.fixture
def walker(project: Path) -> Any:
    """Write the Python agent with this body, and give its file."""

    def write(body: str) -> str:
        (project / "walker.py").write_text(AGENT % body)
        (project / "walker.yaml").write_text("name: walker\nclass: ./walker.py:Walker\n")
        return "walker.yaml"

    return write


async def test_a_finished_run_comes_to_the_same_end_and_asks_nobody(opened: Any) -> None:
    model = Scripted([call("look", place="attic"), "It is fine."], name="scripted/m")
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look")
        replay = await rt.replay(result.run_id)
        records = (await rt.show(result.run_id)).records
    assert (replay.verdict, replay.changed_tools, replay.records) == ("same", (), records)
    assert len(model.requests) == 2


async def test_nothing_is_written(opened: Any) -> None:
    async with opened([call("pay", amount=5), "Paid."]) as rt:
        result = await rt.run("clerk.yaml", "Pay", agent="bob")
        before = await rt.store.load_agent("bob")
        await rt.replay(result.run_id)
        assert await rt.store.load_agent("bob") == before


async def test_a_run_that_waits_would_go_on_where_it_waits(opened: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        result = await rt.run("clerk.yaml", "Look")
        replay = await rt.replay(result.run_id)
    assert (replay.verdict, replay.key) == ("goes on", result.waits[0].key)


async def test_a_run_that_was_killed_would_go_on_with_what_is_not_on_record(opened: Any, killed: Any) -> None:
    killed('[call("look", place="attic"), "Fine."]', at="effect.done")
    async with opened() as rt:
        (lost,) = await rt.interrupted()
        replay = await rt.replay(lost.run_id)
    assert (replay.verdict, replay.key) == ("goes on", "step1/call/1/tool:look")


async def test_a_run_that_failed_fails_the_same_way(opened: Any) -> None:
    async with opened([call("look", place="attic")]) as rt:
        result = await rt.run("clerk.yaml", "Look")
        assert result.status == "failed"
        assert (await rt.replay(result.run_id)).verdict == "same"


async def test_a_yielded_run_is_the_same_too(opened: Any) -> None:
    async with opened([call("look", place="attic")] * 3) as rt:
        result = await rt.run("clerk.yaml", "Look", overrides=["limits.steps=2"])
        assert result.status == "yielded"
        assert (await rt.replay(result.run_id)).verdict == "same"


async def test_a_tool_that_takes_other_arguments_makes_the_run_diverge(opened: Any, project: Path) -> None:
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        result = await rt.run("clerk.yaml", "Look")
    tools = project / "tools.py"
    tools.write_text(tools.read_text().replace("look(place: str)", "look(where: str)"))
    async with opened() as rt:
        replay = await rt.replay(result.run_id)
    assert (replay.verdict, replay.key) == ("diverges", "step2/model")
    assert "look" in replay.changed_tools


@pytest.mark.parametrize(
    ("body", "key", "recorded", "now"),
    [
        ("return await ctx.effect('walk', '', step, request='far', effect='read')", "walk", "near", "far"),
        ("return 1", "walk", "on record", "never asked for"),
        ("return 2 * await ctx.effect('walk', '', step, request='near', effect='read')", "", 1, 2),
        ("raise ValueError('tired')", "", 1, "ValueError: tired"),
        (
            "return [await ctx.effect('walk', '', step, request='near', effect='read'), await ctx.now()]",
            "now",
            None,
            None,
        ),
    ],
)
async def test_new_code_under_an_old_run_is_told_where_it_goes_another_way(
    opened: Any, walker: Any, body: str, key: str, recorded: Any, now: Any
) -> None:
    file = walker("return await ctx.effect('walk', '', step, request='near', effect='read')")
    async with opened() as rt:
        result = await rt.run(file, "go")
        assert (await rt.replay(result.run_id)).verdict == "same"
    walker(body)
    async with opened() as rt:
        replay = await rt.replay(result.run_id)
    assert replay.verdict == ("goes on" if key == "now" else "diverges")
    assert (replay.key, replay.recorded, replay.now) == (key, recorded, now)


class Counter(perdure.Agent):
    class State(perdure.AgentState):
        count: int = 0

    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> int:
        self.state.count += 1
        return int(self.state.count)


async def test_a_later_run_is_replayed_from_the_state_it_began_with(opened: Any) -> None:
    async with opened() as rt:
        runs = [await rt.run(Counter, "tick", agent="counter") for _ in range(3)]
        assert [run.output for run in runs] == [1, 2, 3]
        assert [(await rt.replay(run.run_id)).verdict for run in runs] == ["same"] * 3


async def test_an_unknown_run_cannot_be_replayed(opened: Any) -> None:
    async with opened() as rt:
        with pytest.raises(RunNotFound):
            await rt.replay("run_nothing")
