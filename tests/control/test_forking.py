"""Fork: a new run that shares the records before a key."""

from __future__ import annotations

from typing import Any

import pytest

import perdure
from perdure.base.errors import InputError, InvalidFile, RunNotFound, UnknownSpec
from perdure.testing import Scripted, by_turn, call

ANSWERS = [call("look", place="attic"), "It is fine."]


async def test_what_came_before_the_key_is_shared_and_not_done_again(opened: Any) -> None:
    model = Scripted(by_turn(ANSWERS), name="scripted/m")
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look", agent="bob")
        model.requests.clear()
        fork = await rt.fork(result.run_id, "step2/model")
        forked = await rt.wait(fork)
        detail = await rt.show(fork.id)
    assert (forked.status, forked.output) == ("done", "It is fine.")
    assert len(model.requests) == 1
    assert detail.forked_from == result.run_id
    assert forked.agent_id.startswith("bob-fork-")


async def test_the_run_that_was_forked_stays_as_it_was(opened: Any) -> None:
    async with opened(ANSWERS) as rt:
        result = await rt.run("clerk.yaml", "Look", agent="bob")
        before = await rt.trace(result.run_id)
        await rt.wait(await rt.fork(result.run_id, "step1/model"))
        assert await rt.trace(result.run_id) == before
        assert (await rt.verify()).ok


async def test_a_fork_may_be_another_agent_from_there_on(opened: Any) -> None:
    model = Scripted(by_turn(ANSWERS), name="scripted/m")
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look")
        fork = await rt.fork(result.run_id, "step2/model", overrides=["instructions=You are a pirate."])
        await rt.wait(fork)
    assert model.requests[-1].system == "You are a pirate."


async def test_a_fork_of_a_later_run_has_the_same_past(opened: Any) -> None:
    model = Scripted(lambda request: f"{len(request.messages)} so far", name="scripted/m")
    async with opened(model) as rt:
        await rt.run("clerk.yaml", "first", agent="bob")
        second = await rt.run("clerk.yaml", "second", agent="bob")
        forked = await rt.wait(await rt.fork(second.run_id, "step1/model"))
    assert forked.output == second.output == "3 so far"


async def test_a_fork_does_nothing_outside_unless_it_is_live(opened: Any) -> None:
    async with opened([call("pay", amount=5), "Paid."]) as rt:
        result = await rt.run("clerk.yaml", "Pay")
        key = "step1/call/1/tool:pay"
        still = await rt.wait(await rt.fork(result.run_id, key))
        assert still.status == "failed"
        assert still.error is not None and "--live" in still.error["hint"]
        live = await rt.wait(await rt.fork(result.run_id, key, live=True))
        assert live.output == "Paid."


class Saver(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        async def read(_: str) -> str:
            return "page"

        return await ctx.effect("fetch", "x", read, effect="read")


async def test_a_python_agent_is_forked_like_any_other(opened: Any) -> None:
    async with opened() as rt:
        result = await rt.run(Saver, "go")
        forked = await rt.wait(await rt.fork(result.run_id, "fetch:x"))
    assert forked.output == "page"


async def test_a_key_that_is_not_there_is_refused_with_those_that_are(opened: Any) -> None:
    async with opened(ANSWERS) as rt:
        result = await rt.run("clerk.yaml", "Look")
        with pytest.raises(InputError) as refused:
            await rt.fork(result.run_id, "step9/model")
        assert "step2/model" in refused.value.hint
        assert refused.value.facts["keys"] == ["step1/model", "step1/call/1/tool:look", "step2/model"]


async def test_bad_overrides_unknown_runs_and_lost_specs_are_refused(opened: Any, project: Any) -> None:
    async with opened(ANSWERS) as rt:
        result = await rt.run("clerk.yaml", "Look")
        with pytest.raises(InvalidFile):
            await rt.fork(result.run_id, "step2/model", overrides=["instructions.deep=1"])
        with pytest.raises(InvalidFile):
            await rt.fork(result.run_id, "step2/model", overrides=["instruction=x"])
        with pytest.raises(RunNotFound):
            await rt.fork("run_nothing", "step2/model")

        async def lost(digest: str) -> None:
            return None

        rt.store.spec = lost
        with pytest.raises(UnknownSpec):
            await rt.fork(result.run_id, "step2/model")
