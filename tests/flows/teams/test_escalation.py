"""An unsure team asks more of its members, as far as its money goes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.flows.teams.escalation import LADDER, next_mode, suits, turns_of

ROLES = st.fixed_dictionaries({"proposer": st.integers(1, 6), "critic": st.integers(0, 3), "judge": st.integers(0, 1)})


def test_the_ladder_skips_what_the_members_do_not_suffice_for() -> None:
    assert next_mode("solo", {"proposer": 1, "critic": 1}, depth=1, room=None, dearest=5) == "consult"
    assert next_mode("consult", {"proposer": 1, "critic": 1}, depth=1, room=None, dearest=5) is None
    assert next_mode("consensus", {"proposer": 2}, depth=1, room=None, dearest=5) is None
    assert next_mode("chat", {"proposer": 9}, depth=1, room=None, dearest=5) is None


def test_what_cannot_be_paid_is_not_begun() -> None:
    roles = {"proposer": 1, "critic": 1, "judge": 1}
    assert turns_of("consult", roles, 1) == 4
    assert next_mode("solo", roles, depth=1, room=400, dearest=100) == "consult"
    assert next_mode("solo", roles, depth=1, room=399, dearest=100) is None


@settings(deadline=None)
@given(st.sampled_from(LADDER), ROLES, st.integers(0, 3), st.integers(0, 10_000), st.integers(0, 500))
def test_the_next_mode_is_later_suits_and_is_within_the_room(
    mode: Any, roles: dict[str, int], depth: int, room: int, dearest: int
) -> None:
    following = next_mode(mode, roles, depth=depth, room=room, dearest=dearest)
    if following is not None:
        assert LADDER.index(following) > LADDER.index(mode)
        assert suits(following, roles)
        assert turns_of(following, roles, depth) * dearest <= room


def unsure(asked: Any) -> Any:
    if "weaknesses" in asked.fields:
        return {"weaknesses": [{"weakness": "vague", "fix": "be exact"}]}
    if "be exact" in asked.words:
        return {"answer": "exact", "confidence": 0.95}
    return {"answer": "vague", "confidence": 0.3}


PAIR = {"ann": {}, "kim": {"role": "critic"}}


async def test_an_unsure_answer_is_worked_on_and_the_record_says_so(stage: Any) -> None:
    async with stage.open(unsure) as rt:
        result = await rt.run(stage.spec(PAIR, mode="solo", auto=True), "What is it?")
        notes = await stage.notes(rt, result.run_id)
    assert result.output == "exact"
    assert notes[0] == ("escalated", {"from": "solo", "to": "consult", "confidence": 0.3})
    assert "An answer that nobody was sure of: vague" in stage.turns("ann")[1].words


async def test_it_stays_alone_where_it_is_sure_or_told_to(stage: Any) -> None:
    async with stage.open(lambda asked: {"answer": "sure", "confidence": 0.7}) as rt:
        await rt.run(stage.spec(PAIR, mode="solo", auto=True), "What is it?")
        await rt.run(stage.spec(PAIR, mode="consult", strategy="self_if_confident"), "What is it?")
    assert len(stage.asked) == 2
    async with stage.open(unsure) as rt:
        assert (await rt.run(stage.spec(PAIR, mode="solo", auto=False), "What is it?")).output == "vague"


async def test_self_if_confident_goes_on_to_its_mode_where_it_is_not(stage: Any) -> None:
    async with stage.open(unsure) as rt:
        spec = stage.spec(PAIR, mode="consult", strategy="self_if_confident")
        assert (await rt.run(spec, "What is it?")).output == "exact"
    assert [asked.who for asked in stage.asked] == ["ann", "ann", "kim", "ann"]


async def test_a_person_is_asked_what_an_unsure_answer_lacks(stage: Any) -> None:
    def say(asked: Any) -> Any:
        sure = "It is blue" in asked.words
        return {"answer": "blue" if sure else "?", "confidence": 0.9 if sure else 0.1}

    async with stage.open(say) as rt:
        run = await rt.start(stage.spec(PAIR, mode="solo", strategy="ask_clarify_below_threshold"), "Its colour?")
        waiting = await rt.wait(run)
        assert waiting.waits[0].about["about"]["value"] == "?"
        await rt.approve(run.id, "It is blue")
        assert (await rt.wait(run, beyond=waiting.waits)).output == "blue"


@pytest.mark.parametrize("budget", [60, 100, 150, 400, 1_000])
async def test_a_team_never_spends_more_than_it_may(stage: Any, budget: int) -> None:
    members = {"ann": {"copies": 3}, "kim": {"role": "critic"}}
    async with stage.open(lambda asked: {"weaknesses": []} if asked.who == "kim" else unsure(asked)) as rt:
        spec = stage.spec(members, mode="solo", auto=True, _budget={"per_run": f"$0.{budget:06d}"})
        spec["model"] = {**spec["model"], "max_tokens": 20}
        result = await rt.run(spec, "What is it?")
        tree = await rt.trace(result.run_id)

    def spent(node: Any) -> int:
        own = node.cost_microusd if node.kind == "run" else 0
        return own + sum(spent(child) for child in node.children)

    assert 0 < spent(tree) <= budget or (result.status == "failed" and spent(tree) <= budget)
    if result.status == "failed":
        assert "budget" in result.error["message"]
