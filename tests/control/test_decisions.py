"""What people decide: answers to questions, and what became of effects in doubt."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import InputError, RunNotFound, WrongState
from perdure.testing import call

CONSENT = ["approve=[look]"]
LOOK = [call("look", place="attic"), "I am done."]


async def test_an_approved_call_is_made(opened: Any) -> None:
    async with opened(LOOK) as rt:
        waiting = await rt.run("clerk.yaml", "Look", overrides=CONSENT)
        assert (waiting.status, waiting.waiting_for) == ("waiting", "approval")
        assert waiting.waits[0].about["about"] == {
            "tool": "look",
            "arguments": {"place": "attic"},
            "policy": "approve: look",
        }
        await rt.approve(waiting.run_id)
        result = await rt.wait(waiting.run_id)
        tree = await rt.trace(result.run_id)
    assert result.output == "I am done."
    assert [node.kind for node in tree.children[0].children] == ["model", "wait", "tool"]


async def test_a_denied_call_is_not_made_and_the_model_is_told(opened: Any) -> None:
    async with opened(LOOK) as rt:
        waiting = await rt.run("clerk.yaml", "Look", overrides=CONSENT)
        await rt.deny(waiting.run_id, why="not today")
        result = await rt.wait(waiting.run_id)
        tree = await rt.trace(result.run_id, full=True)
    assert result.status == "done"
    assert [node.kind for node in tree.children[0].children] == ["model", "wait"]
    told = tree.children[1].children[0].detail["request"]["request"]["messages"][-1]
    assert "was not approved" in str(told)


async def test_where_several_things_are_asked_the_key_says_which_is_meant(opened: Any) -> None:
    async with opened([[call("look", place="attic"), call("look", place="cellar")], "Done."]) as rt:
        waiting = await rt.run("clerk.yaml", "Look", overrides=CONSENT)
        first, second = (wait.key for wait in waiting.waits)
        with pytest.raises(InputError, match="which one"):
            await rt.approve(waiting.run_id)
        with pytest.raises(InputError, match=first):
            await rt.approve(waiting.run_id, key="step9/ask")
        await rt.approve(waiting.run_id, key=first)
        await rt.deny(waiting.run_id, key=second)
        result = await rt.wait(waiting.run_id)
    assert result.status == "done"


async def test_a_run_that_asks_nothing_takes_no_answer(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", "hi")
        with pytest.raises(WrongState, match="done"):
            await rt.approve(result.run_id)
        with pytest.raises(WrongState, match="in doubt"):
            await rt.resolve(result.run_id, "", "done")
        with pytest.raises(RunNotFound):
            await rt.approve("run_nothing")
        with pytest.raises(InputError, match="not a decision"):
            await rt.resolve(result.run_id, "", "maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "value", "told"),
    [("done", {"receipt": 7}, "receipt"), ("retry", None, "paid 5"), ("fail", None, "decided to have failed")],
)
async def test_an_effect_in_doubt_goes_as_somebody_decides(
    opened: Any, killed: Any, how: Any, value: Any, told: str
) -> None:
    answers = [call("pay", amount=5), "I see."]
    killed('[call("pay", amount=5), "I see."]', at="effect.intended")
    async with opened(answers) as rt:
        (lost,) = await rt.interrupted()
        waiting = await rt.resume(lost.run_id)
        assert (waiting.status, waiting.waiting_for) == ("waiting", "in_doubt")
        await rt.resolve(lost.run_id, "", how, value=value, why="the bank says so")
        result = await rt.wait(lost.run_id)
        tree = await rt.trace(lost.run_id, full=True)
    assert result.output == "I see."
    request = next(one for one in tree.children if one.name == "step2").children[0].detail["request"]["request"]
    assert told in str(request["messages"][-1])
