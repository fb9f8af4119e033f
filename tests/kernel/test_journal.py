"""The journal: records folded into what a handler may ask again."""

from __future__ import annotations

import msgspec

from perdure.base.codec import pack, unpack
from perdure.base.usage import Usage
from perdure.kernel import records as r
from perdure.kernel.chain import START, check, link
from perdure.kernel.journal import Journal, decode, encode, fold


def record(event, key="", seq=1):
    return encode(event, agent_id="ann", run_id="run_1", key=key, at=5)


def raw(value):
    return msgspec.Raw(pack(value))


def journal(*entries):
    return fold(record(event, key) for key, event in entries)


def test_a_record_carries_its_event():
    event = r.EffectDone(kind="model", digest="d", usage=Usage(1, 2), cost=3, body=raw({"a": 1}))
    found = record(event, "model")
    assert (found.type, found.key, found.at, found.blob, decode(found)) == ("effect.done", "model", 5, "", event)


def test_a_long_body_stays_behind_for_a_blob():
    event = r.EffectDone(kind="tool", digest="d", body=raw("x" * (r.BLOB_LIMIT + 1)))
    found = record(event)
    assert len(found.data) < 100 and found.blob and found.payload == bytes(event.body)
    assert decode(found) == event


def test_what_happens_to_an_agent_is_no_part_of_a_run():
    told = (
        r.ValueSet(digest="d", size=3, body=raw(b"abc")),
        r.ValueDropped(),
        r.AgentChanged(status="quarantined", who="supervisor", why="failed three times"),
        r.AgentImported(source="ann", head=b"\x00" * 16, records=7, who="eve"),
        r.MountChanged(path="/wallet", service="wallet", access="budgeted", who="eve"),
    )
    for event in told:
        found = encode(event, agent_id="ann", run_id="", key="goal:1", at=5)
        assert found.type == event.type and decode(found) == event
    history = fold(encode(event, agent_id="ann", run_id="", key="goal:1", at=5) for event in told)
    assert history.effects == {} and history.unasked() == ()


def test_later_records_of_a_key_say_more():
    intended = r.EffectIntended(kind="tool", effect="once", digest="d", body=raw({"to": "eve"}))
    past = journal(("tool", intended)).effects["tool"]
    assert (past.state, past.effect, unpack(past.request)) == ("intended", "once", {"to": "eve"})

    past = journal(("tool", intended), ("tool", r.EffectDone(kind="tool", digest="d", body=raw(1)))).effects["tool"]
    assert (past.state, unpack(past.body), unpack(past.request)) == ("done", 1, {"to": "eve"})


def test_what_is_in_doubt_is_named_unless_it_only_reads():
    found = journal(
        ("a", r.EffectIntended(kind="tool", effect="once", digest="d")),
        ("b", r.EffectIntended(kind="model", effect="read", digest="d")),
        ("c", r.EffectIntended(kind="tool", effect="idempotent", digest="d")),
        ("c", r.EffectDone(kind="tool", digest="d")),
    )
    assert found.in_doubt() == ["a"]


def test_a_decision_is_void_once_the_effect_is_tried_again():
    intended = r.EffectIntended(kind="tool", effect="once", digest="d")
    resolved = r.EffectResolved(how="retry")
    assert journal(("a", intended), ("a", resolved)).resolved == {"a": resolved}
    assert journal(("a", intended), ("a", resolved), ("a", intended)).resolved == {}


def test_totals_count_answers_of_models_as_steps_and_the_cost_of_lost_calls():
    found = journal(
        ("a", r.EffectDone(kind="model", digest="d", usage=Usage(10, 5), cost=7)),
        ("b", r.EffectFailed(kind="model", digest="d", cost=100)),
        ("c", r.EffectDone(kind="tool", digest="d", cost=1)),
    )
    assert (found.totals.steps, found.totals.cost, found.totals.usage) == (1, 108, Usage(10, 5))


RESERVED = ("a", r.BudgetReserved(reservation="r1", amount=9))
INTENDED = ("a", r.EffectIntended(kind="model", effect="read", digest="d", reservation="r1"))
DONE = ("a", r.EffectDone(kind="model", digest="d", cost=4))
SETTLED = ("a", r.BudgetSettled(reservation="r1", spent=4))


def test_a_reservation_is_open_until_it_is_settled_or_released():
    assert journal(RESERVED, INTENDED).reserved == {"a": RESERVED[1]}
    for end in (SETTLED, ("a", r.BudgetReleased(reservation="r1"))):
        assert journal(RESERVED, INTENDED, end).reserved == {}


def test_what_a_lost_call_cost_counts_once():
    assert journal(RESERVED, INTENDED, SETTLED).totals.cost == 4
    assert journal(RESERVED, INTENDED, DONE, SETTLED).totals.cost == 4
    assert journal(RESERVED, INTENDED, SETTLED, RESERVED, INTENDED, DONE, SETTLED).totals.cost == 8


def test_a_reservation_outlasts_a_checkpoint():
    body = {"state": None, "counters": {}, "steps": 0, "cost": 0, "usage": [0] * 5, "aside": {"a": ("r1", 9)}}
    checkpoint = ("", r.Checkpoint(body=msgspec.Raw(pack(body))))
    found = journal(RESERVED, INTENDED, checkpoint)
    assert (found.effects, found.reserved) == ({}, {"a": RESERVED[1]})
    assert journal(checkpoint, DONE, SETTLED).totals.cost == 4
    assert journal(checkpoint, SETTLED).totals.cost == 4


def test_a_failed_effect_is_forgotten_by_a_resume_and_one_done_since_is_not():
    failed = r.EffectFailed(kind="tool", digest="d")
    tick = r.TickFailed(attempt=1)
    resumed = r.RunResumed(reason="by hand", forget=("a",))
    done = r.EffectDone(kind="tool", digest="d")
    found = journal(("a", failed), ("a", tick))
    assert (found.failed_key, found.attempt) == ("a", 2)
    found = journal(("a", failed), ("a", tick), ("", resumed))
    assert (found.effects, found.failed_key, found.extensions) == ({}, "", 1)
    found = journal(("a", failed), ("a", tick), ("", resumed), ("a", done), ("", resumed))
    assert found.effects["a"].state == "done"


def test_unasked_keys_are_those_that_nobody_came_for():
    found = journal(
        ("a", r.EffectDone(kind="tool", digest="d")),
        ("ask", r.MessageReceived(kind="approval")),
        ("retry#1", r.MessageReceived(kind="timer")),
        ("spend#1:a", r.MessageReceived(kind="approval")),
        ("room#1:a", r.MessageReceived(kind="budget")),
        ("", r.MessageReceived()),
    )
    assert found.unasked() == ("a", "ask")
    found.asked.update(("a", "ask"))
    assert found.unasked() == ()


def test_a_checkpoint_is_a_new_beginning():
    body = {"state": {"n": 1}, "counters": {"tool": 3}, "steps": 2, "cost": 9, "usage": [1, 2, 3, 4, 5]}
    found = journal(
        ("a", r.EffectDone(kind="tool", digest="d")),
        ("send:b", r.MessageSent(to="b")),
        ("", r.RunWaiting(waits=(r.Wait("ask", "approval"),))),
        ("", r.Checkpoint(body=raw(body))),
        ("b", r.EffectDone(kind="model", digest="d", cost=1)),
    )
    assert (list(found.effects), found.sent, found.waits) == (["b"], set(), {})
    assert (found.checkpoint, found.counters) == ({"n": 1}, {"tool": 3})
    assert (found.totals.steps, found.totals.cost, found.used) == (3, 10, Usage(1, 2, 3, 4, 5))


def test_a_new_journal_is_empty():
    empty = Journal()
    assert (empty.effects, empty.checkpoint, empty.attempt, empty.accepted) == ({}, None, 1, None)


# -- the chain --------------------------------------------------------------------------------------------------------


def chained(count):
    head, found = START, []
    for seq in range(1, count + 1):
        one = record(r.EffectDone(kind="tool", digest=str(seq)), f"tool#{seq}")
        head = link(head, one)
        found.append(msgspec.structs.replace(one, seq=seq, hash=head))
    return found, head


def test_a_whole_chain_has_no_problems():
    records, head = chained(5)
    assert check(records, head=head, count=5) == []
    assert check([], head=START, count=0) == []


def test_what_was_done_to_a_chain_is_found():
    records, head = chained(5)
    changed = [*records[:2], msgspec.structs.replace(records[2], at=6), *records[3:]]
    assert "record 3" in check(changed, head=head, count=5)[0]
    assert check([records[0], records[2], records[1], *records[3:]], head=head, count=5)
    assert check(records[1:], head=head, count=5)
    assert check(records[:-1], head=head, count=5) == ["4 records are there, but 5 were written"]
    other, _ = chained(4)
    assert "last record" in check(other, head=head, count=4)[0]


def test_blobs_belong_to_the_chain():
    big = record(r.EffectDone(kind="tool", digest="d", body=raw("x" * (r.BLOB_LIMIT + 1))))
    whole = msgspec.structs.replace(big, seq=1, hash=link(START, big))
    assert check([whole], head=whole.hash, count=1) == []
    missing = msgspec.structs.replace(whole, payload=None)
    assert "is missing" in check([missing], head=whole.hash, count=1)[0]
    changed = msgspec.structs.replace(whole, payload=b"other")
    assert "was changed" in check([changed], head=whole.hash, count=1)[0]


def test_an_erased_record_is_a_link_without_content():
    records, head = chained(3)
    erased = msgspec.structs.replace(records[1], data=b"", erased=True)
    assert check([records[0], erased, records[2]], head=head, count=3) == []
    problems = check([records[0], erased, records[2]], head=head, count=3, kept_runs={"run_1"})
    assert "was not deleted" in problems[0]
