"""The questions to a model are not in the journal; they are rebuilt from it, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

import perdure
from perdure.agents.amounts import Money
from perdure.agents.spec import Budget
from perdure.base.messages import ModelRequest
from perdure.control.spans import walk
from perdure.testing import Scripted, by_turn, call


async def rebuilt(rt: perdure.Runtime, run_id: str) -> list[tuple[bool, ModelRequest]]:
    """The questions of a run in order, each with whether it is proven."""
    tree = await rt.trace(run_id, full=True)
    shown = [node.detail["request"] for _, node in walk(tree) if node.kind == "model"]
    return [(one["proven"], msgspec.convert(one["request"], ModelRequest)) for one in shown]


def looking(count: int) -> Scripted:
    return Scripted(by_turn([*[call("look", place=f"room {n}") for n in range(count)], "Done."]), name="scripted/m")


async def test_every_question_of_a_conversation_comes_out_as_it_was_put(opened: Any) -> None:
    model = looking(2)
    async with opened(model) as rt:
        first = await rt.run("clerk.yaml", "Look around", agent="bob")
        model.requests.clear()
        model._answers = lambda _: "Yes."
        second = await rt.run("clerk.yaml", "Sure?", agent="bob")
        assert await rebuilt(rt, second.run_id) == [(True, model.requests[0])]
        assert len(model.requests[0].messages) > 5
        assert [proven for proven, _ in await rebuilt(rt, first.run_id)] == [True] * 3


async def test_a_limited_run_asked_for_bounded_answers(opened: Any) -> None:
    model = looking(1)
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look", overrides=["budget.per_run=$9"])
        assert await rebuilt(rt, result.run_id) == [(True, request) for request in model.requests]
    assert model.requests[0].max_tokens is not None


async def test_messages_that_fell_out_of_the_window_are_left_out_again(opened: Any) -> None:
    model = looking(12)
    overrides = ["context.tokens=60", "context.keep=2"]
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look everywhere", overrides=overrides)
        assert await rebuilt(rt, result.run_id) == [(True, request) for request in model.requests]
    assert len(model.requests[-1].messages) < len(model.requests)


async def test_a_summary_is_a_question_too(opened: Any) -> None:
    def answer(request: ModelRequest) -> Any:
        if "Sum up the conversation" in request.messages[-1].text:
            return "We looked."
        return "Done." if len(model.requests) > 9 else call("look", place="attic")

    model = Scripted(answer, name="scripted/m")
    overrides = ["context.tokens=60", "context.keep=2", "context.policy=summarize"]
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look everywhere", overrides=overrides)
        questions = await rebuilt(rt, result.run_id)
    assert result.status == "done"
    assert questions == [(True, request) for request in model.requests]


async def test_questions_after_a_checkpoint_rest_on_the_segment_before(opened: Any) -> None:
    model = looking(104)
    async with opened(model) as rt:
        result = await rt.run("clerk.yaml", "Look everywhere", overrides=["limits.steps=200"])
        assert result.status == "done"
        assert await rebuilt(rt, result.run_id) == [(True, request) for request in model.requests]


async def test_a_question_is_not_proven_where_tools_now_give_another_conversation(opened: Any, project: Path) -> None:
    async with opened(looking(1)) as rt:
        result = await rt.run("clerk.yaml", "Look")
    tools = (project / "tools.py").read_text()
    (project / "tools.py").write_text(tools.replace("look(place: str)", "look(where: str)"))
    async with opened() as rt:
        questions = await rebuilt(rt, result.run_id)
        detail = await rt.show(result.run_id)
    assert [proven for proven, _ in questions] == [True, False]
    assert "look" in detail.changed_tools


async def test_no_key_is_needed_to_know_what_was_asked(project: Path) -> None:
    (project / "keyed.yaml").write_text("name: keyed\nmodel: openai/gpt-5-mini\ntools: [calculator]\n")
    given = {"openai/gpt-5-mini": Scripted(["Hello."], name="openai/gpt-5-mini")}
    async with perdure.open(project, models=given, environment={}) as rt:
        result = await rt.run("keyed.yaml", "hi")
    async with perdure.open(project, environment={}) as rt:
        ((proven, request),) = await rebuilt(rt, result.run_id)
        replay = await rt.replay(result.run_id)
        detail = await rt.show(result.run_id)
    assert proven and request.messages[0].text == "hi"
    assert replay.verdict == "same"
    assert detail.spec_problem == ""


async def test_of_a_run_that_was_killed_the_questions_so_far_are_known(opened: Any, killed: Any) -> None:
    killed('[call("look", place="attic"), "Fine."]', at="effect.done")
    async with opened() as rt:
        (lost,) = await rt.interrupted()
        questions = await rebuilt(rt, lost.run_id)
    assert [(proven, request.messages[-1].text) for proven, request in questions] == [(True, "Do it")]


class Chief(perdure.Agent):
    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        return (await ctx.run("clerk.yaml", "Look around")).output


async def test_a_child_is_bounded_by_the_budget_of_its_parent(opened: Any) -> None:
    model = Scripted(["Fine."], name="scripted/m")
    async with opened(model) as rt:
        chief = msgspec.structs.replace(rt.spec(Chief), budget=Budget(per_run=Money(9_000_000)), document=b"")
        result = await rt.run(chief, "go")
        assert await rebuilt(rt, result.run_id) == [(True, model.requests[0])]
    assert model.requests[0].max_tokens is not None
