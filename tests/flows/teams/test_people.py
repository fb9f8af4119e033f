"""People in the loop: they let a team go on, stop it, change what it says and whom it asks, and do it over."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import InputError
from perdure.flows.teams.people import Again, GoOn, Override, Stop, read_decision

TWO = {"ann": {}, "jo": {"role": "judge"}}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("approve", GoOn()),
        (True, GoOn()),
        ("deny", Stop()),
        (False, Stop()),
        ("again", Again()),
        ({"again": "shorter"}, Again("shorter")),
        ({"override": None}, Override(None)),
        ('{"again": "shorter"}', Again("shorter")),
        ({"patch": {"ann": "be kind"}}, Again(patch={"ann": "be kind"})),
    ],
)
def test_what_a_person_may_say(said: Any, meant: Any) -> None:
    assert read_decision(said) == meant


@pytest.mark.parametrize(
    "said", ["yes!", "{oops", 1, None, {}, {"patch": {}}, {"patch": {"a": 1}}, {"override": 1, "again": ""}]
)
def test_anything_else_is_asked_again(said: Any) -> None:
    with pytest.raises(InputError, match="not "):
        read_decision(said)


def say(asked: Any) -> Any:
    if asked.who == "jo":
        return {"answer": "judged", "confidence": 0.9, "why": "so"}
    return {"answer": "kind" if "be kind" in asked.words else "plain", "confidence": 0.9}


async def steps(rt: Any, run: Any, *answers: Any) -> tuple[list[Any], Any]:
    """Answer each question of a run in turn; what was asked, and the result."""
    asked: list[Any] = []
    result = await rt.wait(run)
    for answer in answers:
        asked.append(result.waits[0].about["about"])
        await rt.approve(run.id, answer)
        result = await rt.wait(run, beyond=result.waits)
    return asked, result


async def test_a_team_pauses_and_goes_on(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["propose"], depth=0), "Say it")
        asked, result = await steps(rt, run, "approve")
    assert asked[0]["stage"] == "propose"
    assert (asked[0]["result"][0]["value"], *asked[0]["result"][0]["by"]) == ("plain", "ann")
    assert result.output == "judged"


async def test_a_stage_is_done_over_with_a_hint_and_with_patched_instructions(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["propose"], depth=0), "Say it")
        asked, result = await steps(
            rt, run, {"again": "be kind"}, {"patch": {"ann": "You are now polite ann"}}, "approve"
        )
    assert [one["result"][0]["value"] for one in asked] == ["plain", "kind", "kind"]
    assert result.status == "done"
    assert "A person says: be kind" in stage.turns("jo")[-1].words  # what a person said holds from there on


async def test_a_patch_for_nobody_is_told_and_asked_again(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["propose"], depth=0), "Say it")
        asked, result = await steps(rt, run, {"patch": {"zoe": "x"}}, "what?", "approve")
    assert "nobody in the team is called zoe; there are ann, jo" in asked[1]["problem"]
    assert "not an answer" in asked[2]["problem"]
    assert (result.output, len(stage.turns("ann"))) == ("judged", 1)


async def test_a_person_overrides_what_the_judge_said(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["adjudicate"], depth=0), "Say it")
        _, result = await steps(rt, run, {"override": "mine"})
        notes = dict(await stage.notes(rt, run.id))
    assert result.output == "mine"
    assert notes["answer"]["why"] == "a person said so"


async def test_what_a_person_gives_has_the_shape_of_an_answer(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["answer"], depth=0), "Say it")
        asked, result = await steps(rt, run, {"override": {"not": "text"}}, {"override": "text"})
    assert "shape" in asked[1]["problem"]
    assert result.output == "text"


async def test_a_person_overrides_a_vote_with_one_that_stands(stage: Any) -> None:
    def vote(asked: Any) -> Any:
        return {"choice": "1", "why": "x"} if asked.is_vote else {"answer": asked.who, "confidence": 1}

    async with stage.open(vote) as rt:
        run = await rt.start(stage.spec({"ann": {}, "bob": {}}, mode="consensus", depth=0, pause=["vote"]), "Who?")
        asked, result = await steps(rt, run, {"override": 7}, {"override": 2})
    assert asked[0]["result"]["answers"] == {"1": "ann", "2": "bob"}
    assert "1 to 2" in asked[1]["problem"]
    assert result.output == "bob"


async def test_a_person_stops_the_team(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["answer"], depth=0), "Say it")
        _, result = await steps(rt, run, "deny")
    assert (result.status, result.error["code"]) == ("failed", "team.stopped")


async def test_an_answer_survives_the_process(stage: Any) -> None:
    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(TWO, pause=["propose"], depth=0), "Say it")
        waiting = await rt.wait(run)
    async with stage.open(say) as rt:
        await rt.approve(run.id, {"override": "from yesterday"})
        await rt.wait(run, beyond=waiting.waits)
    assert len(stage.turns("ann")) == 1
    assert "from yesterday" in stage.turns("jo")[0].words


async def test_a_run_is_forked_at_a_stage_with_another_prompt(stage: Any) -> None:
    members = {"ann": {}, "bob": {}, "dora": {"role": "synthesizer"}}

    def answer(asked: Any) -> Any:
        return {"answer": f"{asked.who} says", "confidence": 0.9}

    async with stage.open(answer) as rt:
        first = await rt.run(stage.spec(members, mode="collaborate", depth=0), "Say it")
        tree = await rt.trace(first.run_id)
        keys: list[str] = []

        def walk(node: Any) -> None:
            keys.append(node.key)
            for child in node.children:
                walk(child)

        walk(tree)
        at = next(key for key in keys if key.endswith("/synthesize/dora/run"))
        fork = await rt.fork(first.run_id, at, overrides=["team.members.dora.instructions=You are donna"])
        again = await rt.wait(fork)
    assert (first.output, again.output) == ("dora says", "donna says")
    assert [asked.who for asked in stage.asked] == ["ann", "bob", "dora", "donna"]
