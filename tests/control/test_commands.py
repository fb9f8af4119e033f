"""Commands to runs: resume, cancel, pause."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.base.errors import WrongState
from perdure.testing import Scripted, call


async def test_a_yielded_run_goes_on_from_where_it_stopped(opened: Any) -> None:
    answers = [call("look", place="attic"), call("look", place="cellar"), "Both are fine."]
    async with opened(answers) as rt:
        result = await rt.run("clerk.yaml", "Look", overrides=["limits.steps=2"])
        assert result.status == "yielded"
        resumed = await rt.resume(result.run_id)
    assert (resumed.status, resumed.output, resumed.steps) == ("done", "Both are fine.", 3)


async def test_a_failed_run_tries_again_what_failed(opened: Any) -> None:
    async with opened([call("look", place="attic")]) as rt:
        failed = await rt.run("clerk.yaml", "Look")
        assert failed.status == "failed"
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        resumed = await rt.resume(failed.run_id)
    assert (resumed.status, resumed.output) == ("done", "Fine.")


async def test_resuming_a_run_that_waits_shows_what_it_waits_for(opened: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        waiting = await rt.run("clerk.yaml", "hi")
        assert (await rt.resume(waiting.run_id)).waits == waiting.waits


@pytest.mark.parametrize("end", ["done", "cancelled"])
async def test_what_is_over_is_not_resumed_and_not_cancelled(opened: Any, end: str) -> None:
    async with opened(["hello"] if end == "done" else [call("ask", question="?")]) as rt:
        result = await rt.run("clerk.yaml", "hi")
        if end == "cancelled":
            assert (await rt.cancel(result.run_id)).status == "cancelled"
        with pytest.raises(WrongState) as refused:
            await rt.resume(result.run_id)
        assert "fork" in refused.value.hint
        with pytest.raises(WrongState):
            await rt.cancel(result.run_id)
        with pytest.raises(WrongState):
            await rt.pause(result.run_id)


async def test_a_cancelled_run_says_who_cancelled_it(opened: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        waiting = await rt.run("clerk.yaml", "hi")
        result = await rt.cancel(waiting.run_id, who="ann")
    assert result.error is not None
    assert (result.error["code"], result.error["message"]) == ("run.cancelled", "cancelled by ann")


async def test_a_model_under_way_is_cut_short_by_cancel(opened: Any) -> None:
    asked = asyncio.Event()

    async def answer(_: Any) -> str:
        asked.set()
        await asyncio.sleep(3600)
        return "never"

    async with opened(Scripted(answer, name="scripted/m")) as rt:
        run = await rt.start("clerk.yaml", "hi")
        await asked.wait()
        assert (await rt.cancel(run.id)).status == "cancelled"


async def test_a_paused_run_begins_nothing_new_until_it_is_resumed(opened: Any) -> None:
    asked, free = asyncio.Event(), asyncio.Event()

    async def answer(request: Any) -> Any:
        if len(request.messages) > 1:
            return "Fine."
        asked.set()
        await free.wait()
        return call("look", place="attic")

    async with opened(Scripted(answer, name="scripted/m")) as rt:
        run = await rt.start("clerk.yaml", "hi")
        await asked.wait()
        pausing = asyncio.ensure_future(rt.pause(run.id, who="ann"))
        await asyncio.sleep(0.05)
        free.set()
        assert (await pausing).status == "paused"
        tree = await rt.trace(run.id)
        assert [node.name for node in tree.children[0].children] == ["scripted/m"]
        assert [node.summary for node in tree.children if node.kind == "event"] == ["by ann"]
        resumed = await rt.resume(run.id)
    assert (resumed.status, resumed.output) == ("done", "Fine.")
