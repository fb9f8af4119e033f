"""Sorting mail: what answers, what commands, what begins a run, what is too late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perdure.base.codec import pack, unpack
from perdure.base.envelope import Envelope
from perdure.kernel.inbox import ANSWERS, COMMANDS, sort
from perdure.kernel.records import EffectResolved, Wait
from perdure.kernel.store.rows import Mail, Timer

NOW = 1_000


def mail(seq, kind="message", run_id="", *, expires_at=None, **fields):
    envelope = Envelope(f"env_{seq}", "ann", kind, **fields)
    return Mail(seq, "ann", envelope.id, kind, run_id, 50, expires_at, pack(envelope))


def waits(*found):
    return {wait.key: wait for wait in found}


def ids(items):
    return [item.envelope.id for item in items]


def test_a_message_begins_a_run():
    intake = sort([mail(1), mail(2)], [], {}, "", NOW)
    assert ids(intake.starters) == ["env_1", "env_2"]


def test_what_has_expired_begins_nothing():
    intake = sort([mail(1, expires_at=NOW), mail(2, expires_at=NOW + 1)], [], {}, "", NOW)
    assert (ids(intake.expired), ids(intake.starters)) == (["env_1"], ["env_2"])


def test_an_answer_finds_its_wait_by_its_key():
    asked = waits(Wait("ask", "approval"), Wait("ask#2", "approval"))
    intake = sort([mail(1, "approval", "run_1", correlation="ask#2", payload="yes")], [], asked, "run_1", NOW)
    (answer,) = intake.answers
    assert (answer.key, unpack(answer.event.body)["payload"]) == ("ask#2", "yes")


def test_a_second_answer_to_one_wait_stays_in_the_inbox():
    asked = waits(Wait("ask", "approval"))
    two = [mail(seq, "approval", "run_1", correlation="ask") for seq in (1, 2)]
    intake = sort(two, [], asked, "run_1", NOW)
    assert (len(intake.answers), intake.stale, intake.starters) == (1, [], [])


def test_an_answer_to_another_run_or_to_none_is_stale():
    asked = waits(Wait("ask", "approval"))
    late = [mail(1, "approval", "run_0", correlation="ask"), mail(2, "child", "", correlation="ask")]
    assert ids(sort(late, [], asked, "run_1", NOW).stale) == ["env_1", "env_2"]
    assert ids(sort(late, [], {}, "", NOW).stale) == ["env_1", "env_2"]


def test_a_decision_about_an_effect_in_doubt_is_more_than_a_message():
    decision = {"how": "done", "value": [1], "who": "eve", "why": "saw it"}
    asked = waits(Wait("tool:pay", "in_doubt"))
    intake = sort([mail(1, "resolve", "run_1", correlation="tool:pay", payload=decision)], [], asked, "run_1", NOW)
    event = intake.answers[0].event
    assert isinstance(event, EffectResolved)
    assert (event.how, event.who, event.why, unpack(event.body)) == ("done", "eve", "saw it", [1])


def test_a_message_that_fits_goes_to_who_waits_for_it():
    asked = waits(Wait("receive", "message", about={"sender": "bob"}), Wait("receive#2", "message"))
    intake = sort([mail(1, sender="eve"), mail(2, sender="bob"), mail(3, sender="bob")], [], asked, "run_1", NOW)
    assert [(answer.key, answer.item.envelope.id) for answer in intake.answers] == [
        ("receive#2", "env_1"),
        ("receive", "env_2"),
    ]
    assert ids(intake.starters) == ["env_3"]


def test_a_timer_that_is_due_ends_its_wait_and_no_answer_comes_after():
    asked = waits(Wait("ask", "approval", due=NOW), Wait("sleep", "timer", due=NOW + 1))
    timers = [Timer("ann", "run_1", "ask", NOW), Timer("ann", "run_1", "sleep", NOW + 1)]
    timers.append(Timer("ann", "run_0", "sleep", 1))
    intake = sort([mail(1, "approval", "run_1", correlation="ask")], timers, asked, "run_1", NOW)
    assert [(answer.key, answer.item) for answer in intake.answers] == [("ask", None)]


def test_commands_are_set_apart():
    intake = sort([mail(1, "cancel", "run_1"), mail(2, "pause", "run_2")], [], {}, "run_1", NOW)
    assert [(item.envelope.kind, item.run_id) for item in intake.commands] == [("cancel", "run_1"), ("pause", "run_2")]


kinds = st.sampled_from(["message", "event", "alarm", "reply", *COMMANDS, "approval", "child"])
keys = st.sampled_from(["ask", "ask#2", "receive", "gather/1/ask"])
letters = st.tuples(kinds, st.sampled_from(["", "run_0", "run_1"]), keys, st.sampled_from([None, NOW - 1, NOW + 1]))
open_waits = st.dictionaries(keys, st.sampled_from(["approval", "message", "child", "timer"]))


@given(st.lists(letters, max_size=20), open_waits, st.sampled_from(["", "run_1"]))
def test_every_letter_goes_to_one_place_and_every_wait_gets_one_answer(found, kinds_of, run_id):
    asked = {key: Wait(key, kind) for key, kind in kinds_of.items()} if run_id else {}
    post = [
        mail(seq, kind, run, correlation=key, expires_at=expires)
        for seq, (kind, run, key, expires) in enumerate(found, 1)
    ]
    intake = sort(post, [], asked, run_id, NOW)

    answered = [answer.key for answer in intake.answers]
    assert len(answered) == len(set(answered)) and set(answered) <= set(asked)
    piles = [[a.item.envelope.id for a in intake.answers], *map(ids, (intake.commands, intake.starters))]
    piles += [ids(intake.expired), ids(intake.stale)]
    placed = [id for pile in piles for id in pile]
    assert len(placed) == len(set(placed))
    left = [letter for letter in post if letter.envelope_id not in placed]
    assert all(letter.kind in ANSWERS and letter.run_id == run_id != "" for letter in left)
    for pile in piles[1:]:
        assert pile == sorted(pile, key=lambda id: int(id[4:]))  # one sender's letters keep their order


def test_a_reply_answers_no_question_to_a_person():
    said = [mail(1, "reply", "run_1", correlation="k", payload="yes")]
    for kind, taken in (("approval", 0), ("in_doubt", 0), ("budget", 0), ("reply", 1), ("tool", 1)):
        assert len(sort(said, [], waits(Wait("k", kind)), "run_1", NOW).answers) == taken, kind
