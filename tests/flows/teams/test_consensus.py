"""Votes among members: who wins, why, and what is done where nobody does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import perdure
from perdure.base.errors import NotOfTeam, Overloaded
from perdure.testing import call

THREE = {"ann": {}, "bob": {}, "cleo": {}}


def talk(answers: dict[str, str], choices: dict[str, Any]) -> Any:
    """Members that propose these answers and vote for the answer (not the number) that they choose."""

    def say(asked: Any) -> Any:
        if asked.who not in answers:
            return {"choice": choices[asked.who], "why": "the judge's reason"}
        if not asked.is_vote:
            return {"answer": answers[asked.who], "confidence": 0.9}
        choice = choices[asked.who]
        if isinstance(choice, Exception):
            return choice
        number = next((line[1] for line in asked.words.splitlines() if line.endswith(f"] {choice}")), "abstain")
        return {"choice": number, "why": f"{asked.who} likes {choice}", "confidence": 0.6}

    return say


ANSWERS = {"ann": "red", "bob": "blue", "cleo": "green"}


async def test_the_majority_wins_and_the_record_says_why(stage: Any) -> None:
    async with stage.open(talk(ANSWERS, {"ann": "blue", "bob": "blue", "cleo": "green"})) as rt:
        result = await rt.run(stage.spec(THREE, mode="consensus", depth=0), "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert result.output == "blue"
    decision = notes["decision"]
    assert (decision["how"], decision["verdict"]) == ("votes", "won")
    assert decision["candidates"] == {"1": ["ann"], "2": ["bob"], "3": ["cleo"]}
    assert {one["voter"]: one["choice"] for one in decision["ballots"]} == {"ann": "2", "bob": "2", "cleo": "3"}
    for ballot in decision["ballots"]:  # each was cast in a run of the voter's own
        cast = await stage.store.load_run(ballot["run_id"])
        assert cast.parent == result.run_id and f".{ballot['voter']}-" in cast.agent_id
    assert "ann likes blue" in decision["why"]
    assert notes["answer"]["confidence"] == pytest.approx(2 / 3)


async def test_members_that_say_the_same_need_no_vote(stage: Any) -> None:
    async with stage.open(
        lambda asked: {"answer": f"  Red {'' if asked.who == 'ann' else ' '}", "confidence": 0.8}
    ) as rt:
        result = await rt.run(stage.spec(THREE, mode="consensus", depth=0), "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert len(stage.asked) == 3
    assert (notes["decision"]["how"], notes["answer"]["confidence"]) == ("unanimous", pytest.approx(0.8))


async def test_a_misshapen_ballot_is_sent_back_and_then_left_out(stage: Any) -> None:
    tries: list[str] = []

    def say(asked: Any) -> Any:
        if asked.who == "cleo" and (asked.is_vote):
            tries.append(asked.words)
            return "I like red"
        return talk(ANSWERS, {"ann": "red", "bob": "red"})(asked)

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(THREE, mode="consensus", depth=0), "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert result.output == "red"
    assert len(tries) == 3  # output_retries is 2
    assert "shape" in notes["absent"]["cleo"]
    assert [one["voter"] for one in notes["decision"]["ballots"]] == ["ann", "bob"]


async def test_too_few_ballots_are_no_quorum(stage: Any) -> None:
    choices = {"ann": "red", "bob": Overloaded("busy"), "cleo": Overloaded("busy")}
    async with stage.open(talk(ANSWERS, choices)) as rt:
        spec = stage.spec(THREE, mode="consensus", depth=0, votes={"quorum": 0.6, "undecided": "fail"})
        result = await rt.run(spec, "A colour")
    assert result.status == "failed"
    assert (result.error["code"], result.error["facts"]["verdict"]) == ("team.undecided", "no_quorum")


async def test_everybody_abstaining_leaves_it_to_the_first_in_line(stage: Any) -> None:
    async with stage.open(talk(ANSWERS, dict.fromkeys(ANSWERS, "nothing"))) as rt:
        result = await rt.run(stage.spec(THREE, mode="consensus", depth=0), "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert (notes["decision"]["how"], notes["decision"]["verdict"]) == ("leader", "empty")
    assert (result.output, notes["answer"]["confidence"]) == ("red", 0)


async def test_what_only_one_of_three_said_is_voted_on_too(stage: Any) -> None:
    def say(asked: Any) -> Any:
        if asked.is_vote:
            return {"choice": "1" if asked.who == "ann" else "abstain", "why": "mine"}
        return {"answer": "red", "confidence": 1} if asked.who == "ann" else Overloaded("busy")

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(THREE, mode="consensus", depth=0), "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert (result.output, notes["decision"]["verdict"], notes["decision"]["cast"]) == ("red", "won", 3)


async def test_one_ballot_of_three_makes_nobody_sure(stage: Any) -> None:
    choices = {"ann": "red", "bob": Overloaded("busy"), "cleo": Overloaded("busy")}
    async with stage.open(talk(ANSWERS, choices)) as rt:
        result = await rt.run(stage.spec(THREE, mode="consensus", depth=0), "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert (result.output, notes["decision"]["verdict"]) == ("red", "no_quorum")
    assert notes["answer"]["confidence"] == pytest.approx(1 / 3)


async def test_a_tie_can_go_to_the_judge_who_sees_only_the_leaders(stage: Any) -> None:
    members = {"ann": {}, "bob": {}, "jo": {"role": "judge"}}
    async with stage.open(talk({"ann": "red", "bob": "blue"}, {"ann": "red", "bob": "blue", "jo": "2"})) as rt:
        spec = stage.spec(members, mode="consensus", depth=0, votes={"undecided": "judge"})
        result = await rt.run(spec, "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
    assert result.output == "blue"
    assert notes["decision"]["why"] == "jo: the judge's reason"


async def test_a_judge_can_decide_every_vote_whatever_voters_say(stage: Any) -> None:
    members = {**THREE, "jo": {"role": "judge"}}
    async with stage.open(talk(ANSWERS, {**dict.fromkeys(ANSWERS, "red"), "jo": "3"})) as rt:
        result = await rt.run(stage.spec(members, mode="consensus", depth=0, votes={"by": "judge"}), "A colour")
    assert result.output == "green"
    assert "ann: 1 (ann likes red)" in stage.turns("jo")[0].words


async def test_a_tie_can_go_to_a_person(stage: Any) -> None:
    async with stage.open(talk(ANSWERS, ANSWERS)) as rt:
        spec = stage.spec(THREE, mode="consensus", depth=0, votes={"undecided": "person"})
        run = await rt.start(spec, "A colour")
        waiting = await rt.wait(run)
        assert waiting.waits[0].about["options"] == ["1", "2", "3"]
        await rt.approve(run.id, "purple")
        waiting = await rt.wait(run, beyond=waiting.waits)
        assert "purple" in waiting.waits[0].about["about"]["problem"]
        await rt.approve(run.id, "3")
        assert (await rt.wait(run, beyond=waiting.waits)).output == "green"


async def test_a_past_of_wins_outweighs_heads(stage: Any) -> None:
    spec = stage.spec(THREE, mode="consensus", depth=0, votes={"by": "weighted", "prior": 0.2})
    # Twice ann is right and the others are not.
    for _ in range(2):
        async with stage.open(talk(ANSWERS, dict.fromkeys(ANSWERS, "red"))) as rt:
            assert (await rt.run(spec, "A colour")).output == "red"
    async with stage.open(talk(ANSWERS, {"ann": "red", "bob": "blue", "cleo": "blue"})) as rt:
        result = await rt.run(spec, "A colour")
        notes = dict(await stage.notes(rt, result.run_id))
        assert (await rt.run(spec, {"task": "A fish", "class": "fish"})).output == "blue"  # there all begin anew
    assert result.output == "red"
    weights = notes["decision"]["weights"]
    assert weights["ann"] == pytest.approx((1 * 0.98 + 1 + 0.2) / (0.98 + 1 + 0.4))
    assert weights["bob"] == weights["cleo"] == pytest.approx(0.2 / (0.98 + 1 + 0.4))


async def test_a_round_of_discussion_shows_what_others_said(stage: Any) -> None:
    def say(asked: Any) -> Any:
        if asked.who == "kim" and not asked.is_vote:
            return {"weaknesses": [{"weakness": "too loud", "fix": "mute it"}]}
        if asked.is_vote:
            return {"choice": "1", "why": "first"}
        if "Your draft" in asked.words:
            assert "mute it" in asked.words
            assert all(colour in asked.words for colour in ("red", "blue"))
            return {"answer": f"soft {asked.who}", "confidence": 1}
        return {"answer": {"ann": "red", "bob": "blue"}[asked.who], "confidence": 1}

    members = {"ann": {}, "bob": {}, "kim": {"role": "critic"}}
    async with stage.open(say) as rt:
        assert (await rt.run(stage.spec(members, mode="consensus", depth=1), "A colour")).output == "soft ann"


async def test_who_is_late_is_left_out(stage: Any) -> None:
    def say(asked: Any) -> Any:
        if asked.who == "cleo":
            return asyncio.Event().wait()  # it never answers
        return talk(ANSWERS, {"ann": "red", "bob": "red"})(asked)

    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(THREE, mode="consensus", depth=0, deadline="10s"), "A colour")
        ended = asyncio.create_task(rt.wait(run))
        while not ended.done():
            await stage.clock.advance(1_000)
        result = await ended
        notes = await stage.notes(rt, result.run_id)
    assert result.output == "red"
    assert [told for name, told in notes if name == "absent"] == [{"cleo": "late"}, {"cleo": "late"}]


async def test_a_voter_at_its_limit_of_steps_abstains_and_the_record_says_why(stage: Any) -> None:
    members = {**THREE, "cleo": {"tools": ["calculator"], "agent": {"limits": {"steps": 2}}}}
    choices = {"ann": "blue", "bob": "blue", "cleo": call("calculator", expression="1 + 1")}

    def say(asked: Any) -> Any:
        return choices["cleo"] if asked.who == "cleo" and asked.is_vote else talk(ANSWERS, choices)(asked)

    async with stage.open(say) as rt:
        spec = stage.spec(members, mode="consensus", depth=0, votes={"quorum": 1})
        result = await rt.run(spec, "A colour")
        notes = await stage.notes(rt, result.run_id)
    assert (result.status, result.output) == ("done", "blue")
    reason = "it came to its limit of steps or tokens after 2 steps"
    assert ("absent", {"cleo": reason}) in notes
    ballots = {one["voter"]: one for one in dict(notes)["decision"]["ballots"]}
    assert (ballots["cleo"]["choice"], ballots["cleo"]["why"]) == ("", reason)


async def test_a_proposer_at_its_limit_of_steps_is_left_out(stage: Any) -> None:
    members = {"ann": {}, "cleo": {"tools": ["calculator"], "agent": {"limits": {"steps": 1}}}}

    def say(asked: Any) -> Any:
        return call("calculator", expression="1 + 1") if asked.who == "cleo" else {"answer": "red", "confidence": 1}

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="consensus", depth=0), "A colour")
        notes = await stage.notes(rt, result.run_id)
    assert (result.output, notes[0][0]) == ("red", "absent")


# -- who may tell the record ------------------------------------------------------------------------------------------

KEEPER = {"name": "record", "class": "perdure.flows.teams.record:Record"}
TOLD = {"do": "settle", "task_class": "general", "won": ["cleo"], "lost": ["ann"]}


class Stranger(perdure.Agent):
    """An agent that calls itself as it likes, and begins child runs on the record of others."""

    async def on_message(self, ctx: perdure.Context, message: Any) -> Any:
        return (await ctx.run(KEEPER, TOLD, agent_id="crew.record")).error


async def test_nobody_but_the_team_tells_its_record_who_won(stage: Any) -> None:
    async with stage.open(talk(ANSWERS, {"ann": "blue", "bob": "blue", "cleo": "green"})) as rt:
        spec = stage.spec(THREE, mode="consensus", depth=0, votes={"by": "weighted"})
        await rt.run(spec, "A colour")
        before = (await rt.run(KEEPER, {"do": "look", "task_class": "general"}, agent="crew.record")).output
        assert before["members"]["bob"]["wins"] == 1
        said = await rt.run(KEEPER, TOLD, agent="crew.record")
        assert (said.status, said.error["code"]) == ("failed", NotOfTeam.code)
        assert (await rt.run(Stranger, "go", agent="crew")).output["code"] == NotOfTeam.code
        sent = await rt.send("crew.record", TOLD, who="crew")
        assert (await rt.wait(sent)).error["code"] == NotOfTeam.code
        assert (await rt.run(KEEPER, {"do": "look", "task_class": "general"}, agent="crew.record")).output == before
