"""Lists of runs, and everything about one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import InputError, RunNotFound
from perdure.kernel.store.ops import DeleteRun
from perdure.testing import call


async def test_the_newest_run_comes_first_a_page_at_a_time(opened: Any) -> None:
    async with opened(["hello"] * 9) as rt:
        ids = [(await rt.run("clerk.yaml", f"hi {n}")).run_id for n in range(5)]
        first = await rt.runs(limit=2)
        second = await rt.runs(limit=2, cursor=first.next)
        last = await rt.runs(limit=2, cursor=second.next)
    assert [run.run_id for page in (first, second, last) for run in page.items] == ids[::-1]
    assert last.next == ""


async def test_a_line_tells_what_became_of_a_run_and_what_it_used(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", "hi", agent="bob")
        (line,) = (await rt.runs()).items
    assert (line.run_id, line.agent_id, line.spec, line.status) == (result.run_id, "bob", "clerk", "done")
    assert (line.steps, line.usage, line.cost_microusd) == (1, result.usage, result.cost_microusd)
    assert line.duration_ms == result.duration_ms
    assert not line.interrupted


async def test_runs_are_found_by_agent_state_and_time(opened: Any) -> None:
    async with opened([call("ask", question="?")]) as rt:
        waiting = await rt.run("clerk.yaml", "hi", agent="bob")
        other = await rt.run("clerk.yaml", "hi", agent="eve")
        await rt.cancel(other.run_id)
        assert [run.run_id for run in (await rt.runs(agent="bob")).items] == [waiting.run_id]
        assert [run.run_id for run in (await rt.runs(status=["cancelled"])).items] == [other.run_id]
        assert [run.waiting_for for run in (await rt.runs(status=["waiting"])).items] == ["approval"]
        assert (await rt.runs(agent="nobody")).items == []
        assert (await rt.runs(since_ms=rt.clock.now() + 60_000)).items == []


@pytest.mark.parametrize(
    "wrong", [{"status": ["sleeping"]}, {"limit": 0}, {"limit": 5_000}, {"cursor": "'; drop table runs"}]
)
async def test_a_question_that_makes_no_sense_is_refused(opened: Any, wrong: dict[str, Any]) -> None:
    async with opened() as rt:
        with pytest.raises(InputError):
            await rt.runs(**wrong)


async def test_a_run_whose_process_was_killed_is_interrupted_until_somebody_goes_on(opened: Any, killed: Any) -> None:
    killed('[call("look", place="attic"), "Fine."]', at="effect.done")
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        (lost,) = await rt.interrupted()
        assert (lost.agent_id, lost.status, lost.interrupted) == ("bob", "running", True)
        result = await rt.resume(lost.run_id)
        assert result.output == "Fine."
        assert await rt.interrupted() == []


async def test_what_queues_behind_a_run_that_waits_is_not_interrupted(opened: Any) -> None:
    async with opened([call("ask", question="?"), "Well.", "And well."]) as rt:
        await rt.run("clerk.yaml", "first", agent="bob")
        behind = await rt.start("clerk.yaml", "second", agent="bob")
    async with opened() as rt:
        (line,) = (await rt.runs(status=["queued"])).items
        assert line.run_id == behind.id
        assert not line.interrupted
        assert await rt.interrupted() == []


async def test_everything_about_one_run(opened: Any) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", {"message": "hi"}, overrides=["budget.per_run=$9"])
        detail = await rt.show(result.run_id[:-6])
    assert detail.summary.run_id == result.run_id
    assert (detail.input, detail.output, detail.error) == ({"message": "hi"}, "hello", None)
    assert (detail.sender, detail.parent, detail.children, detail.forked_from) == ("operator", "", (), "")
    assert (detail.budget_microusd, detail.changed_tools, detail.spec_problem) == (9_000_000, (), "")
    assert detail.records > 2


async def test_what_a_run_waits_for_and_how_it_failed_is_shown(opened: Any) -> None:
    async with opened([call("ask", question="Shall I?")]) as rt:
        result = await rt.run("clerk.yaml", "hi")
        assert [wait.about["question"] for wait in (await rt.show(result.run_id)).waits] == ["Shall I?"]
        await rt.approve(result.run_id, "yes")
        failed = await rt.wait(result.run_id)
        assert failed.status == "failed"
        detail = await rt.show(result.run_id)
    assert detail.error is not None and "the script has 1 answers" in detail.error["message"]


class Chief(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        return (await ctx.run("clerk.yaml", "Look around")).output


async def test_parents_and_children_know_each_other(opened: Any) -> None:
    async with opened(["Fine."]) as rt:
        result = await rt.run(Chief, "go")
        detail = await rt.show(result.run_id)
        (child,) = detail.children
        assert (await rt.show(child)).parent == result.run_id


async def test_a_tool_that_changed_and_one_that_is_gone_are_told(opened: Any, project: Path) -> None:
    async with opened(["hello"]) as rt:
        result = await rt.run("clerk.yaml", "hi")
    tools = project / "tools.py"
    tools.write_text(tools.read_text().replace("paid {amount}", "paid {amount} dollars"))
    async with opened() as rt:
        assert (await rt.show(result.run_id)).changed_tools == ("pay",)
    tools.unlink()
    async with opened() as rt:
        assert "tools.py" in (await rt.show(result.run_id)).spec_problem


async def test_ids_that_mean_nothing_or_too_much(opened: Any) -> None:
    async with opened(["hello"] * 3) as rt:
        first = await rt.run("clerk.yaml", "hi")
        await rt.run("clerk.yaml", "hi")
        for unknown in ("run_0000", "x", ""):
            with pytest.raises(RunNotFound):
                await rt.show(unknown)
        with pytest.raises(InputError, match="several"):
            await rt.show(first.run_id[:8])
        assert (await rt.show(first.run_id.removeprefix("run_"))).summary.run_id == first.run_id


async def test_a_deleted_run_is_not_listed(opened: Any) -> None:
    async with opened(["hello"] * 3) as rt:
        first = await rt.run("clerk.yaml", "hi", agent="bob")
        second = await rt.run("clerk.yaml", "hi", agent="bob")
        await rt.store.commit([DeleteRun(first.run_id)])
        assert [run.run_id for run in (await rt.runs()).items] == [second.run_id]
