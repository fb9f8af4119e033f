"""What each manner of working asks of whom, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import Overloaded

PIPELINE = {
    "ann": {},
    "bob": {},
    "cleo": {"role": "critic"},
    "dora": {"role": "synthesizer"},
    "eve": {"role": "judge"},
}


def proposal(answer: Any, confidence: float = 0.9) -> dict[str, Any]:
    return {"answer": answer, "confidence": confidence}


async def test_solo_asks_one(stage: Any) -> None:
    async with stage.open(lambda asked: proposal("four")) as rt:
        result = await rt.run(stage.spec(PIPELINE, mode="solo"), "2+2?")
    assert result.output == "four"
    assert [asked.who for asked in stage.asked] == ["ann"]


async def test_consult_lets_the_author_mend_what_a_critic_found(stage: Any) -> None:
    def say(asked: Any) -> Any:
        if asked.who == "cleo":
            assert "three" in asked.words
            return {"weaknesses": [{"weakness": "wrong", "fix": "add one"}]}
        if asked.who == "eve":
            return {"answer": "four.", "confidence": 1, "why": "checked"}
        return proposal("four" if "add one" in asked.words else "three")

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(PIPELINE, mode="consult"), "2+2?")
    assert result.output == "four."
    assert [asked.who for asked in stage.asked] == ["ann", "cleo", "ann", "eve"]


async def test_criticism_ends_where_nothing_is_found(stage: Any) -> None:
    def say(asked: Any) -> Any:
        return {"weaknesses": []} if asked.who == "cleo" else proposal("four")

    members = {"ann": {}, "cleo": {"role": "critic"}}
    async with stage.open(say) as rt:
        await rt.run(stage.spec(members, mode="consult", depth=3), "2+2?")
    assert [asked.who for asked in stage.asked] == ["ann", "cleo"]


async def test_the_pipeline_proposes_criticises_synthesises_and_adjudicates(stage: Any) -> None:
    def say(asked: Any) -> Any:
        match asked.who:
            case "cleo":
                return {"weaknesses": [{"weakness": f"{asked.who} doubts", "fix": "look again"}]}
            case "dora":
                assert "ann's" in asked.words and "bob's" in asked.words and "cleo doubts" in asked.words
                return proposal("merged")
            case "eve":
                assert "merged" in asked.words
                return {"answer": "final", "confidence": 0.95, "why": "it holds"}
            case name:
                return proposal(f"{name}'s")

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(PIPELINE, mode="collaborate"), "Plan it")
        notes = dict(await stage.notes(rt, result.run_id))
    assert result.output == "final"
    assert sorted(asked.who for asked in stage.asked[:2]) == ["ann", "bob"]
    assert [asked.who for asked in stage.asked[2:]] == ["cleo", "dora", "eve"]
    assert notes["verdict"]["why"] == "it holds"
    assert notes["answer"]["by"] == ["dora", "ann", "bob"]


async def test_a_swarm_goes_on_with_the_better_half(stage: Any) -> None:
    members = {"bee": {"copies": 4}}
    rounds: list[str] = []

    def say(asked: Any) -> Any:
        if asked.is_vote:
            return {"choice": "2", "why": "shorter"}
        rounds.append(asked.words)
        return proposal(f"idea {len(rounds)}")

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="swarm", depth=1), "Name it")
    assert len(rounds) == 8
    assert all("idea 2" in words and "idea 4" not in words for words in rounds[4:])
    assert result.output == "idea 1"  # the second on the list of the last vote, behind idea 2 which leads it


async def test_a_manager_delegates_and_results_flow_up(stage: Any) -> None:
    members = {"meg": {"role": "manager"}, "ann": {"description": "knows sums"}, "bob": {}}

    def say(asked: Any) -> Any:
        if asked.who != "meg":
            return proposal("4") if "2+2" in asked.words else Overloaded("busy")
        if "tasks" in asked.fields:
            assert "ann: knows sums" in asked.words
            return {"tasks": [{"to": "ann", "task": "2+2"}, {"to": "bob", "task": "3+3"}]}
        assert "ann: 4" in asked.words and "1 of 2 tasks of this round were not done" in asked.words
        return proposal("4 and unknown", 0.5)

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="hierarchy"), "Add these")
        notes = dict(await stage.notes(rt, result.run_id))
    assert result.output == "4 and unknown"
    assert list(notes["absent"]) == ["bob"]


async def test_a_worker_may_have_several_tasks_at_once(stage: Any) -> None:
    members = {"meg": {"role": "manager"}, "ann": {}}

    def say(asked: Any) -> Any:
        if asked.who == "ann":
            return proposal(asked.words.rpartition("Your part: ")[2])
        if "tasks" in asked.fields:
            return {"tasks": [{"to": "ann", "task": f"part {number}"} for number in range(3)]}
        return proposal("; ".join(line for line in asked.words.splitlines() if "ann: part" in line))

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="hierarchy"), "Split")
        replay = await rt.replay(result.run_id)
    assert result.output == "- ann: part 0; - ann: part 1; - ann: part 2"
    assert replay.verdict == "same"


async def test_a_team_in_the_folder_of_agents_is_published(stage: Any) -> None:
    (stage.folder / "agents").mkdir()
    (stage.folder / "agents" / "desk.team.yaml").write_text(
        "name: desk\nmodel: openai/scripted\nteam: {mode: solo, members: {ann: {}}}\n"
    )
    async with stage.open(lambda asked: proposal("here")) as rt:
        result = await rt.wait(await rt.accept("Who?", spec="desk"))
    assert result.output == "here"


async def test_a_manager_may_answer_at_once(stage: Any) -> None:
    members = {"meg": {"role": "manager"}, "ann": {}}
    async with stage.open(lambda asked: {"tasks": [], "answer": "easy", "confidence": 1}) as rt:
        result = await rt.run(stage.spec(members, mode="hierarchy"), "2+2?")
    assert (result.output, len(stage.asked)) == ("easy", 1)


async def test_a_chat_goes_round_until_all_are_done(stage: Any) -> None:
    members = {"ann": {}, "bob": {}, "dora": {"role": "synthesizer"}}

    def say(asked: Any) -> Any:
        if asked.who == "dora":
            assert "ann: hello" in asked.words and "bob: I am bob" in asked.words
            return proposal("they greeted")
        first = f"{asked.who}:" not in asked.words
        return (
            {"say": "hello" if asked.who == "ann" else "I am bob", "done": not first}
            if first
            else {"say": "", "done": True}
        )

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="chat", turns=9), "Greet")
    assert result.output == "they greeted"
    assert [asked.who for asked in stage.asked] == ["ann", "bob", "ann", "bob", "dora"]


async def test_a_manager_chooses_who_speaks_and_when_it_ends(stage: Any) -> None:
    members = {"ann": {}, "bob": {}, "meg": {"role": "manager"}}
    floor = iter(["bob", "bob", "nobody"])

    def say(asked: Any) -> Any:
        if "next" in asked.fields:
            return {"next": next(floor)}
        return proposal("done") if asked.who == "meg" else {"say": "well"}

    async with stage.open(say) as rt:
        await rt.run(stage.spec(members, mode="chat"), "Talk")
    assert [asked.who for asked in stage.asked if asked.who != "meg"] == ["bob", "bob"]


async def test_a_chat_has_an_end_even_if_nobody_is_done(stage: Any) -> None:
    def say(asked: Any) -> Any:
        return proposal("enough") if "answer" in asked.fields else {"say": "more", "done": False}

    async with stage.open(say) as rt:
        await rt.run(stage.spec({"ann": {}, "bob": {}}, mode="chat", turns=5), "Talk")
    assert len(stage.asked) == 6


async def test_a_conversation_is_handed_over_and_stays_with_its_owner(stage: Any) -> None:
    members = {"front": {}, "billing": {"description": "invoices"}}

    def say(asked: Any) -> Any:
        if asked.who == "front":
            assert "billing: invoices" in asked.words
            return {"answer": "", "hand_to": "billing", "why": "an invoice"}
        return {"answer": "paid", "hand_to": "nobody"}

    async with stage.open(say) as rt:
        first = await rt.run(stage.spec(members, mode="handoff"), "My invoice?", agent="desk")
        again = await rt.run(stage.spec(members, mode="handoff"), "And now?", agent="desk")
        notes = await stage.notes(rt, first.run_id)
    assert (first.output, again.output) == ("paid", "paid")
    assert [asked.who for asked in stage.asked] == ["front", "billing", "billing"]
    assert "person: My invoice?" in stage.asked[-1].words
    assert notes[0] == ("handoff", {"from": "front", "to": "billing", "why": "an invoice"})


async def test_two_that_hand_to_each_other_come_to_an_end(stage: Any) -> None:
    def say(asked: Any) -> Any:
        return {"answer": "not me", "hand_to": "bob" if asked.who == "ann" else "ann", "why": "no"}

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec({"ann": {}, "bob": {}}, mode="handoff", turns=4), "Who?")
    assert (result.status, len(stage.asked)) == ("done", 4)


async def test_a_blackboard_is_a_directory_that_all_write_to(stage: Any) -> None:
    members = {"ann": {}, "bob": {}}

    def say(asked: Any) -> Any:
        if "price: 5" in asked.words and "count: 3" in asked.words:
            return {"post": [], "answer": "15"}
        return {"post": [{"key": "price", "text": "5"} if asked.who == "ann" else {"key": "count", "text": "3"}]}

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="blackboard"), "What is due?", agent="shop")
        board = await rt.namespace.read("/agents/shop/memory/board/price")
    assert (result.output, board) == ("15", b"5")
    assert len(stage.asked) == 4


async def test_what_a_person_wrote_on_the_board_is_read(stage: Any) -> None:
    def say(asked: Any) -> Any:
        return {"post": [], "answer": "10"} if "hint: ten" in asked.words else {"post": []}

    async with stage.open(say) as rt:
        spec = stage.spec({"ann": {}}, mode="blackboard")
        await rt.deploy(spec, agent="shop")
        await rt.namespace.mkdir("/agents/shop/memory/board")
        await rt.namespace.write("/agents/shop/memory/board/hint", b"ten")
        assert (await rt.run(spec, "How many?", agent="shop")).output == "10"


@pytest.mark.parametrize("how", ["says so", "no tries left", "member fails"])
async def test_a_supervisor_sends_back_and_takes_over(stage: Any, how: str) -> None:
    members = {"meg": {"role": "manager"}, "ann": {}}

    def say(asked: Any) -> Any:
        if asked.who == "ann":
            return Overloaded("busy") if how == "member fails" else proposal("draft")
        if "ok" in asked.fields:
            return {"ok": False, "feedback": "too short", "take_over": how == "says so"}
        return proposal("done by meg")

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="supervise", depth=1), "Write")
        notes = dict(await stage.notes(rt, result.run_id))
    assert result.output == "done by meg"
    assert notes["takeover"]["by"] == "meg"
    assert len(stage.turns("ann")) == (2 if how == "no tries left" else 1)
    if how == "no tries left":
        assert "too short" in stage.turns("ann")[1].words


async def test_a_supervisor_lets_good_work_pass(stage: Any) -> None:
    members = {"meg": {"role": "manager"}, "ann": {}}

    def say(asked: Any) -> Any:
        return {"ok": True, "feedback": ""} if asked.who == "meg" else proposal("fine")

    async with stage.open(say) as rt:
        assert (await rt.run(stage.spec(members, mode="supervise"), "Write")).output == "fine"


async def test_a_team_answers_in_the_shape_that_its_file_asks_for(stage: Any) -> None:
    shape = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    answers = iter([proposal("four"), proposal({"n": 4})])
    async with stage.open(lambda asked: next(answers)) as rt:
        result = await rt.run(stage.spec({"ann": {}}, mode="solo", _output=shape), "2+2?")
    assert result.output == {"n": 4}
    assert len(stage.asked) == 2  # what had not the shape was sent back


async def test_a_member_can_be_a_team(stage: Any) -> None:
    inner = {"mode": "solo", "members": {"zoe": {"instructions": "You are zoe"}}, "auto": False}
    members = {"meg": {"role": "manager"}, "unit": {"agent": {"team": inner}}}

    def say(asked: Any) -> Any:
        if asked.who == "zoe":
            return proposal(proposal("from below"))
        return {"tasks": [{"to": "unit", "task": "dig"}]} if "tasks" in asked.fields else proposal("up")

    async with stage.open(say) as rt:
        result = await rt.run(stage.spec(members, mode="hierarchy"), "Go")
    assert result.output == "up", result.error
    assert "unit: from below" in stage.turns("meg")[-1].words
