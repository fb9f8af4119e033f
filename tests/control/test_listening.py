"""Hearing a run while it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import InputError
from perdure.base.messages import Finished, ModelResponse, Restart, Text, TextDelta, Thinking
from perdure.testing import call


async def test_everything_comes_in_order_and_the_result_last(opened: Any, gathered: Any) -> None:
    answers = [[Thinking("Hm."), call("look", place="attic")], "It is fine."]
    async with opened(answers) as rt:
        events = await gathered(rt.stream("clerk.yaml", "Look"))
    types = [event.type for event in events]
    assert types[0] == "accepted"
    assert types[-1] == "result"
    assert types.index("thinking") < types.index("tool_start") < types.index("tool_end") < types.index("text")
    assert "".join(event.text for event in events if event.type == "text") == "It is fine."
    assert events[-1].result.output == "It is fine."
    (started,) = [event for event in events if event.type == "tool_start"]
    assert (started.data["name"], started.data["arguments"]) == ("look", {"place": "attic"})


async def test_a_tool_that_failed_is_heard_of(opened: Any, gathered: Any) -> None:
    async with opened([call("look", place="nowhere"), "Nothing."]) as rt:
        events = await gathered(rt.stream("clerk.yaml", "Look"))
    (ended,) = [event for event in events if event.type == "tool_end"]
    assert ended.data["error"]["message"] == "there is nothing there"


async def test_a_question_is_heard_and_following_goes_on_after_the_answer(opened: Any, gathered: Any) -> None:
    async with opened([call("ask", question="Shall I?"), "Done."]) as rt:
        events = await gathered(rt.stream("clerk.yaml", "Do it"))
        assert [event.type for event in events][-2:] == ["waiting", "result"]
        run_id = events[-1].result.run_id
        await rt.approve(run_id, "yes")
        rest = await gathered(rt.follow(run_id, rt.resume(run_id)))
    assert rest[-1].result.output == "Done."


class Stammering:
    """A model whose stream breaks once and begins anew."""

    name = "scripted/m"

    async def stream(self, request: Any) -> Any:
        yield TextDelta("Hel")
        yield Restart("the connection broke")
        yield TextDelta("Hello.")
        yield Finished(ModelResponse((Text("Hello."),)))


async def test_a_restart_voids_what_was_shown(project: Path, gathered: Any) -> None:
    async with perdure.open(project, models={"scripted/m": Stammering()}) as rt:
        events = await gathered(rt.stream("clerk.yaml", "hi"))
    assert [event.text for event in events if event.type in ("text", "restart")] == [
        "Hel",
        "the connection broke",
        "Hello.",
    ]


async def test_what_is_refused_is_refused_before_anything_is_heard(opened: Any, gathered: Any) -> None:
    async with opened() as rt:
        with pytest.raises(InputError):
            await gathered(rt.stream("clerk.yaml", ""))


async def test_a_run_that_was_resumed_is_heard_to_be(opened: Any, killed: Any, gathered: Any) -> None:
    killed('[call("look", place="attic"), "Fine."]', at="effect.done")
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        (lost,) = await rt.interrupted()
        events = await gathered(rt.follow(lost.run_id, rt.resume(lost.run_id)))
    assert [event.text for event in events if event.type == "resumed"] == ["recovered"]
    assert events[-1].result.output == "Fine."
