"""Deleting runs and agents, for good."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import AgentNotFound, RunNotFound, WrongState
from perdure.testing import call


async def test_one_run_of_several_goes_and_the_journal_still_verifies(opened: Any) -> None:
    async with opened(["hello", "again"]) as rt:
        first = await rt.run("clerk.yaml", "hi", agent="bob")
        second = await rt.run("clerk.yaml", "and?", agent="bob")
        deleted = await rt.delete_run(first.run_id)
        assert (deleted.runs, deleted.agents) == ((first.run_id,), ())
        with pytest.raises(RunNotFound):
            await rt.show(first.run_id)
        assert (await rt.show(second.run_id)).output == "again"
        assert (await rt.verify()).ok


async def test_the_only_run_of_an_agent_takes_it_along(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        deleted = await rt.delete_run(result.run_id)
        assert (deleted.runs, deleted.agents) == ((result.run_id,), ("bob",))
        assert await rt.store.load_agent("bob") is None


async def test_an_agent_goes_with_all_its_runs_and_may_come_to_be_anew(opened: Any) -> None:
    async with opened(["hello", "again"]) as rt:
        ids = {(await rt.run("clerk.yaml", "hi", agent="bob")).run_id for _ in range(2)}
        deleted = await rt.delete_agent("bob")
        assert (set(deleted.runs), deleted.agents) == (ids, ("bob",))
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        assert result.output == "hello"


async def test_a_run_that_has_not_ended_stays(opened: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        with pytest.raises(WrongState, match="waiting"):
            await rt.delete_run(result.run_id)
        with pytest.raises(WrongState, match="has not ended"):
            await rt.delete_agent("bob")
        await rt.cancel(result.run_id)
        assert (await rt.delete_agent("bob")).agents == ("bob",)


async def test_nobody_cannot_be_deleted(opened: Any) -> None:
    async with opened() as rt:
        with pytest.raises(AgentNotFound):
            await rt.delete_agent("bob")
        with pytest.raises(RunNotFound):
            await rt.delete_run("run_nothing")
