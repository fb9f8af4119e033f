"""Trace: a run's course as a tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.base.errors import InputError, RunNotFound
from perdure.control.spans import TraceNode, walk
from perdure.control.tracing import export_trace, import_trace
from perdure.testing import Scripted, by_turn, call


class Broken(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        raise ValueError("no luck")


class Chief(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        child = await ctx.run("clerk.yaml", "Look around")
        return child.output


class Busy(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        async def fetch(_: str) -> str:
            return "page"

        async def one(url: str) -> Any:
            return await ctx.effect("fetch", url, fetch, request={"url": url}, effect="read")

        await ctx.gather(one("http://a/b"), one("http://c/d"))
        await ctx.sleep(1)
        ctx.send("nobody", "hello")
        return await ctx.now() > 0


def outline(node: TraceNode) -> list[str]:
    return [f"{'  ' * depth}{one.kind} {one.name} {one.status}" for depth, one in walk(node)]


def named(node: TraceNode, name: str) -> TraceNode:
    (found,) = [one for _, one in walk(node) if one.name == name]
    return found


async def test_steps_models_and_tools_stand_in_the_order_in_which_they_happened(opened: Any) -> None:
    answers = [[call("look", place="attic"), call("calculator", expression="6*7")], "All is fine."]
    async with opened(answers) as rt:
        result = await rt.run("clerk.yaml", "Check the attic")
        tree = await rt.trace(result.run_id)
    assert outline(tree) == [
        "run clerk done",
        "  step step1 done",
        "    model scripted/m done",
        "    tool look done",
        "    tool calculator done",
        "  step step2 done",
        "    model scripted/m done",
    ]
    assert tree.summary == "Check the attic"
    assert tree.detail["output"] == "All is fine."
    assert named(tree, "look").summary == '{"place":"attic"} → attic is fine'
    assert named(tree, "look").detail["request"] == {"tool": "look", "arguments": {"place": "attic"}}
    assert named(tree, "calculator").detail["answer"] == 42


async def test_tokens_and_cost_add_up_to_those_of_the_run(opened: Any) -> None:
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        result = await rt.run("clerk.yaml", "Check")
        tree = await rt.trace(result.run_id)
    models = [node for _, node in walk(tree) if node.kind == "model"]
    assert tree.cost_microusd == sum(node.cost_microusd for node in models) == result.cost_microusd > 0
    assert tree.input_tokens == result.usage.input_tokens
    assert tree.output_tokens == result.usage.output_tokens
    assert all(node.started_at >= tree.started_at for _, node in walk(tree))


async def test_a_tool_that_failed_says_why(opened: Any) -> None:
    async with opened([call("look", place="nowhere"), "Nothing there."]) as rt:
        result = await rt.run("clerk.yaml", "Look")
        tree = await rt.trace(result.run_id)
    assert named(tree, "look").status == "failed"
    assert named(tree, "look").summary == '{"place":"nowhere"} → there is nothing there'
    assert tree.status == "done"
    assert named(tree, "step1").status == "done"


async def test_a_question_to_a_person_is_a_wait_until_it_is_answered(opened: Any) -> None:
    async with opened([call("ask", question="Shall I?"), "Done."]) as rt:
        result = await rt.run("clerk.yaml", "Do it")
        waiting = await rt.trace(result.run_id)
        await rt.approve(result.run_id, "yes", who="ann")
        await rt.wait(result.run_id)
        answered = await rt.trace(result.run_id)
    (wait,) = [node for _, node in walk(waiting) if node.kind == "wait"]
    assert (wait.status, wait.summary) == ("waiting", "Shall I?")
    assert named(waiting, "step1").status == "waiting"
    assert waiting.detail["waiting_for"] == "approval"
    (wait,) = [node for _, node in walk(answered) if node.kind == "wait"]
    assert (wait.status, wait.summary) == ("done", "Shall I? → yes")
    assert wait.detail["by"] == "ann"


async def test_a_wait_of_a_cancelled_run_is_cancelled(opened: Any) -> None:
    async with opened([call("ask", question="Shall I?")]) as rt:
        result = await rt.run("clerk.yaml", "Do it")
        await rt.cancel(result.run_id)
        tree = await rt.trace(result.run_id)
    assert "      wait ask cancelled" in outline(tree) or "    wait ask cancelled" in outline(tree)
    assert tree.detail["error"]["code"] == "run.cancelled"


@pytest.mark.parametrize(
    ("how", "value", "status"), [("done", "paid by hand", "done"), ("fail", None, "failed"), ("retry", None, "done")]
)
async def test_an_effect_in_doubt_is_shown_and_then_what_was_decided(
    opened: Any, killed: Any, how: Any, value: Any, status: str
) -> None:
    killed('[call("pay", amount=5), "Paid."]', at="effect.intended")
    async with opened([call("pay", amount=5), "Paid."]) as rt:
        (lost,) = await rt.interrupted()
        before = await rt.trace(lost.run_id)
        assert named(before, "pay").status == "started"
        result = await rt.resume(lost.run_id)
        assert result.waiting_for == "in_doubt"
        tree = await rt.trace(lost.run_id)
        assert named(tree, "pay").status == "in_doubt"
        assert named(tree, "pay").detail["request"] == {"tool": "pay", "arguments": {"amount": 5}}
        await rt.resolve(lost.run_id, named(tree, "pay").key, how, value=value, who="ann", why="looked it up")
        await rt.wait(lost.run_id)
        tree = await rt.trace(lost.run_id)
    assert named(tree, "pay").status == status
    assert named(tree, "pay").detail["decision"] == {"how": how, "who": "ann", "why": "looked it up"}
    assert [node.summary for _, node in walk(tree) if node.name == "resumed"] == ["recovered"]


async def test_pauses_and_failures_of_the_handler_are_events(opened: Any) -> None:
    async with opened() as rt:
        result = await rt.run(Broken, "go")
        tree = await rt.trace(result.run_id)
    (event,) = [node for _, node in walk(tree) if node.kind == "event"]
    assert (event.name, event.status, event.summary) == ("attempt 1 failed", "failed", "ValueError: no luck")
    assert tree.status == "failed"
    assert tree.detail["error"]["message"] == "ValueError: no luck"


async def test_child_runs_hang_below_their_parent_with_a_bill_of_their_own(opened: Any, project: Path) -> None:
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        result = await rt.run(Chief, "go")
        tree = await rt.trace(result.run_id)
    assert result.output == "Fine."
    kinds = [(depth, node.kind) for depth, node in walk(tree)]
    assert kinds[:4] == [(0, "run"), (1, "child"), (2, "run"), (3, "step")]
    child = tree.children[0]
    assert child.status == "done"
    assert child.children[0].cost_microusd > 0
    assert tree.cost_microusd == 0


async def test_effects_branches_sleep_and_mail_of_a_python_agent_are_told(opened: Any) -> None:
    async with opened() as rt:
        result = await rt.run(Busy, "go")
        tree = await rt.trace(result.run_id)
    assert result.output is True
    assert outline(tree) == [
        "run busy done",
        "  step gather/1 done",
        "    effect http://a/b done",
        "  step gather/2 done",
        "    effect http://c/d done",
        "  wait sleep done",
        "  effect now done",
        "  effect nobody done",
    ]
    assert named(tree, "http://a/b").summary == '{"url":"http://a/b"} → page'


async def test_the_tree_as_lines_of_json_names_the_parent_of_each_node(opened: Any) -> None:
    async with opened([call("look", place="attic"), "Fine."]) as rt:
        result = await rt.run("clerk.yaml", "Look")
        tree = await rt.trace(result.run_id)
    lines = [json.loads(line) for line in export_trace(tree)]
    assert [(line["id"], line["parent"], line["kind"]) for line in lines] == [
        (1, 0, "run"),
        (2, 1, "step"),
        (3, 2, "model"),
        (4, 2, "tool"),
        (5, 1, "step"),
        (6, 5, "model"),
    ]


async def test_an_unknown_run_cannot_be_traced(opened: Any) -> None:
    async with opened() as rt:
        with pytest.raises(RunNotFound):
            await rt.trace("run_nothing")


async def test_a_yielded_run_shows_where_it_stands(opened: Any) -> None:
    model = Scripted(by_turn([call("look", place="attic")] * 9), name="scripted/m")
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look", overrides=["limits.steps=2"])
        tree = await rt.trace(result.run_id)
        await rt.resume(result.run_id)
        resumed = await rt.trace(result.run_id)
    assert tree.status == "yielded"
    assert len(tree.children) == 2
    assert [node.summary for node in resumed.children if node.kind == "event"] == ["by hand"]


async def test_a_trace_goes_round_as_lines_and_is_the_same(opened: Any) -> None:
    answers = [[call("look", place="attic — ünïcode\n"), call("calculator", expression="6*7")], "All is fine."]
    async with opened(answers) as rt:
        result = await rt.run(Chief, "Check the attic")
        for full in (False, True):
            lines = list(export_trace(await rt.trace(result.run_id, full=full)))
            again = import_trace(lines)
            assert list(export_trace(again)) == lines
            assert outline(again) == outline(await rt.trace(result.run_id, full=full))
    assert len(lines) > 5 and import_trace([*lines[:3], "\n", b"\n"]) is not None


LINE = '{"id":%d,"parent":%d,"name":"n","kind":"step","key":"","status":"done","started_at":1,"duration_ms":1}'


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "no trace"),
        (["", "  "], "no trace"),
        (["nonsense"], "line 1 is no node"),
        ([b"\xff\xfe"], "line 1 is no node"),
        (["[]"], "line 1 is no node"),
        (["{}"], "line 1 is no node"),
        ([LINE % (1, 0), '{"ts":"now","type":"final"}'], "line 2 is no node"),
        ([LINE % (1, 0), LINE % (1, 1)], "line 2 is a second node 1"),
        ([LINE % (1, 0), LINE % (2, 3)], "line 2 stands before its parent 3"),
        ([LINE % (1, 0), LINE % (2, 2)], "line 2 stands before its parent 2"),
        ([LINE % (1, 0), "", LINE % (2, 0)], "line 3 stands before its parent 0"),
        ([LINE % (number, number - 1) for number in range(1, 5_000)], "line 401 is in more than 400"),
        (['{"id":1,"parent":0,"children":' + "[" * 100_000], "line 1 is no node"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(lines: list[Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        import_trace(lines)


def test_a_root_may_have_any_parent() -> None:
    assert import_trace([LINE % (1, 1)]).children == ()
    (child,) = import_trace([LINE % (7, 9), LINE % (9, 7)]).children
    assert child.children == ()
