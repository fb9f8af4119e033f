"""Effects: done once, answered from the journal after, and in doubt as their class says."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.codec import pack, unpack
from perdure.base.errors import EffectFailed, InputError, Overloaded, PerdureError, StoreBusy, ToolFailed
from perdure.base.usage import Usage
from perdure.kernel.classes import EFFECT_CLASSES, NotDone, Outcome, Unsure
from perdure.kernel.effect import decide, idempotency_key
from perdure.kernel.failures import normal, restored, told
from perdure.kernel.journal import Past
from perdure.kernel.records import EffectResolved
from perdure.kernel.store.ops import Claim
from perdure.kernel.store.rows import RecordFilter

# -- deciding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", EFFECT_CLASSES)
def test_what_is_not_on_record_is_done_and_what_is_done_is_answered(effect):
    assert decide(None, None, effect) == "do"
    assert decide(Past("done", "d"), None, effect) == "return"
    assert decide(Past("failed", "d"), None, effect) == "raise"


@pytest.mark.parametrize(
    ("effect", "wanted"),
    [("read", "do again"), ("idempotent", "do again"), ("checkable", "probe"), ("once", "ask")],
)
def test_an_effect_in_doubt_is_treated_by_its_class(effect, wanted):
    assert decide(Past("intended", "d", effect), None, effect) == wanted


@pytest.mark.parametrize(("how", "wanted"), [("done", "return"), ("retry", "do again"), ("fail", "raise")])
def test_what_a_person_decided_holds(how, wanted):
    assert decide(Past("intended", "d", "once"), EffectResolved(how=how), "once") == wanted


def test_an_idempotency_key_is_of_one_effect_of_one_run():
    assert idempotency_key("run_1", "tool:a") == idempotency_key("run_1", "tool:a")
    keys = {idempotency_key(run, key) for run in ("run_1", "run_2") for key in ("tool:a", "tool:a#2")}
    assert len(keys) == 4


async def test_a_call_that_sends_no_key_is_made_none(world):
    @world.handler()
    async def work(ctx):
        async def act(key):
            return key

        return [await ctx.effect("act", "a", act, effect="read", keyed=keyed) for keyed in (True, False)]

    await world.engine()
    run = await world.submit()
    ended = await world.rest(run)
    assert ended.output == [idempotency_key(run.id, "act:a"), ""]
    await world.close()


# -- on record --------------------------------------------------------------------------------------------------------


async def replayed(world, handler, *, times=1):
    """Run a handler to its end over crashes at the end of its turn; gives the last `Ended`."""
    world.handler()(handler)
    world.crash_at = "tick.before_commit"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    for left in range(times, 0, -1):
        await world.crash()
        world.crash_at = "tick.before_commit" if left > 1 else ""
        await world.engine(recover=True)
        await world.pass_time(500)
    return await world.rest(run)


@pytest.mark.parametrize("effect", EFFECT_CLASSES)
async def test_a_result_on_record_is_given_again_and_nothing_is_touched(world, outside, effect):
    async def work(ctx):
        return await ctx.effect("tool", "t", outside.act, effect=effect)

    ended = await replayed(world, work, times=2)
    assert (ended.output, len(outside.calls)) == ("done 1", 1)
    await world.close()


async def test_a_read_writes_no_intent_and_others_do(world, outside):
    @world.handler()
    async def work(ctx):
        await ctx.effect("tool", "get", outside.act, effect="read")
        await ctx.effect("tool", "put", outside.act, effect="idempotent")

    await world.engine()
    ended = await world.run()
    assert (await world.told(ended.run))[1:-1] == [
        "effect.done tool:get",
        "effect.intended tool:put",
        "effect.done tool:put",
    ]
    await world.close()


async def test_a_failure_is_on_record_and_raised_again_the_same(world):
    raised = []

    async def refuse(_):
        raise ToolFailed("no such city", hint="Spell it.", city="Atlantis")

    async def work(ctx):
        try:
            await ctx.effect("tool", "map", refuse)
        except PerdureError as error:
            raised.append((type(error), error.message, error.hint, error.facts["city"], error.facts["key"]))
        return "went on"

    ended = await replayed(world, work)
    assert ended.output == "went on"
    assert raised == [(ToolFailed, "no such city", "Spell it.", "Atlantis", "tool:map")] * 2
    await world.close()


@pytest.mark.parametrize(("effect", "status"), [("read", "done"), ("idempotent", "done"), ("once", "waiting")])
async def test_trouble_with_the_store_is_no_answer_and_on_no_record(world, effect, status):
    asked = []

    async def look(_):
        asked.append(1)
        if len(asked) == 1:
            raise StoreBusy("somebody else has the file")
        return len(asked)

    @world.handler()
    async def handle(ctx):
        return await ctx.effect("look", "", look, effect=effect)

    await world.engine(recover=True)
    run = await world.submit()
    await world.quiet()
    assert await world.records(run, "effect.failed") == []
    await world.pass_time(6_000)
    await world.quiet()
    ended = await world.rest(run)
    assert ended.run.status == status
    assert [wait.kind for wait in ended.waits] == (["in_doubt"] if effect == "once" else [])
    await world.close()


async def test_a_handler_that_asks_something_else_diverges_and_both_are_shown(world, outside):
    asked = iter(["Paris", "Rome"])

    async def work(ctx):
        return await ctx.effect("tool", "map", outside.act, request={"city": next(asked)}, effect="once")

    ended = await replayed(world, work)
    assert ended.run.status == "failed"
    assert ended.error["code"] == "run.replay_divergence"
    facts = ended.error["facts"]
    assert (facts["key"], facts["recorded"], facts["asked"]) == ("tool:map", {"city": "Paris"}, {"city": "Rome"})
    assert len(outside.calls) == 1
    await world.close()


async def test_a_divergence_shows_digests_where_no_request_was_kept(world, outside):
    asked = iter("ab")

    async def work(ctx):
        return await ctx.effect("model", "", outside.act, asked=next(asked), effect="read")

    ended = await replayed(world, work)
    assert (ended.error["facts"]["recorded"], ended.error["facts"]["asked"]) == ("(digest a)", "(digest b)")
    await world.close()


async def test_a_long_request_of_a_read_is_not_kept(world, outside):
    @world.handler()
    async def work(ctx):
        await ctx.effect("tool", "short", outside.act, request="x", effect="read")
        await ctx.effect("tool", "long", outside.act, request="x" * 2_000, effect="read")

    await world.engine()
    run = (await world.run()).run
    assert [unpack(event.request) for _, event in await world.records(run, "effect.done")] == ["x", None]
    await world.close()


async def test_keys_that_are_never_asked_for_again_are_reported(world, outside):
    starts = []

    async def work(ctx):
        starts.append(1)
        if len(starts) == 1:
            await ctx.effect("tool", "old", outside.act)
        return await ctx.effect("tool", "new", outside.act)

    ended = await replayed(world, work)
    (finished,) = await world.records(ended.run, "run.finished")
    assert finished[1].unasked == ("tool:old",)
    await world.close()


async def test_a_result_that_cannot_be_stored_is_a_failure_on_record(world):
    async def odd(_):
        return object()

    @world.handler()
    async def work(ctx):
        with pytest.raises(InputError):
            await ctx.effect("tool", "odd", odd)
        return "went on"

    await world.engine()
    ended = await world.run()
    assert ended.output == "went on"
    assert "effect.failed tool:odd" in await world.told(ended.run)
    await world.close()


async def test_a_result_comes_back_as_the_type_asked_for(world):
    async def usage(_):
        return Usage(1, 2)

    async def mapping(_):
        return {"input_tokens": 3}

    seen = []

    async def work(ctx):
        seen.append(await ctx.effect("tool", "a", usage, type=Usage))
        seen.append(await ctx.effect("tool", "b", mapping, type=Usage))

    await replayed(world, work)
    assert seen == [Usage(1, 2), Usage(3), Usage(1, 2), Usage(3)]
    await world.close()


async def test_a_payload_over_the_limit_goes_to_a_blob_and_comes_back(world):
    big = "x" * 100_000

    async def much(_):
        return big

    async def work(ctx):
        return len(await ctx.effect("tool", "much", much))

    ended = await replayed(world, work)
    assert ended.output == 100_000
    (done,) = await world.store.records(RecordFilter("ann", ended.run.id, ("effect.done",)))
    assert done.blob and len(done.data) < 1_000
    assert await world.store.verify("ann") == []
    await world.close()


# -- in doubt ---------------------------------------------------------------------------------------------------------


async def doubtful(world, point, **effect):
    """A run whose process died at `point` of its one effect, and was taken over by another."""

    @world.handler()
    async def work(ctx):
        return await ctx.effect("tool", "pay", **effect)

    world.crash_at = point
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    return run


@pytest.mark.parametrize("point", ["effect.intended", "effect.acted"])
async def test_idempotent_in_doubt_is_done_again_with_the_same_key(world, outside, point):
    run = await doubtful(world, point, call=outside.act, effect="idempotent")
    ended = await world.rest(run)
    assert ended.run.status == "done"
    assert len(set(outside.calls)) == 1
    assert len(outside.calls) == (1 if point == "effect.intended" else 2)
    await world.close()


async def test_read_in_doubt_is_done_again(world, outside):
    run = await doubtful(world, "effect.acted", call=outside.act, effect="read")
    assert (await world.rest(run)).run.status == "done"
    assert len(outside.calls) == 2
    await world.close()


@pytest.mark.parametrize(
    ("point", "calls"), [("effect.before_intent", 1), ("effect.intended", 0), ("effect.acted", 1), ("effect.done", 1)]
)
async def test_once_is_never_done_twice_and_in_doubt_exactly_between_intent_and_result(world, outside, point, calls):
    run = await doubtful(world, point, call=outside.act, effect="once")
    ended = await world.rest(run)
    in_doubt = point in ("effect.intended", "effect.acted")
    assert (ended.run.status, ended.run.waiting_for) == (("waiting", "in_doubt") if in_doubt else ("done", ""))
    assert len(outside.calls) == calls
    await world.close()


@pytest.mark.parametrize(
    ("found", "status", "calls"),
    [(NotDone(), "done", 2), ("receipt", "done", 1), (Outcome("receipt", cost=5), "done", 1), (Unsure(), "waiting", 1)],
)
async def test_checkable_in_doubt_asks_its_probe(world, outside, found, status, calls):
    probed = []

    async def probe(key):
        probed.append(key)
        return found

    run = await doubtful(world, "effect.acted", call=outside.act, effect="checkable", probe=probe)
    ended = await world.rest(run)
    assert (ended.run.status, len(outside.calls)) == (status, calls)
    assert probed == [outside.calls[0]]  # it is asked with the key that was sent
    assert ended.run.cost == (5 if isinstance(found, Outcome) else 0)
    await world.close()


async def test_checkable_without_a_probe_asks_a_person(world, outside):
    run = await doubtful(world, "effect.acted", call=outside.act, effect="checkable")
    assert (await world.rest(run)).run.waiting_for == "in_doubt"
    await world.close()


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize(
    ("decision", "status", "output", "calls"),
    [
        ({"how": "done", "value": "receipt", "who": "eve"}, "done", "receipt", 1),
        ({"how": "retry", "who": "eve"}, "done", "done 2", 2),
        ({"how": "fail", "who": "eve", "why": "no trace of it"}, "failed", None, 1),
    ],
)
async def test_a_person_decides_what_became_of_a_once(world, outside, cold, decision, status, output, calls):
    run = await doubtful(world, "effect.acted", call=outside.act, effect="once")
    (wait,) = (await world.rest(run)).waits
    assert (wait.key, wait.kind, wait.about["effect"]) == ("tool:pay", "in_doubt", "once")
    if cold:
        await world.close()
        await world.engine(recover=True)
    await world.tell(run, "resolve", decision, "tool:pay")
    ended = await world.last.rest(run, person=False)
    assert (ended.run.status, ended.output, len(outside.calls)) == (status, output, calls)
    (resolved,) = [event for _, event in await world.records(run, "effect.resolved")]
    assert (resolved.how, resolved.who) == (decision["how"], "eve")
    if status == "failed":
        assert "no trace of it" in ended.error["message"]
    await world.close()


async def test_a_decision_outlives_a_crash(world, outside):
    run = await doubtful(world, "effect.acted", call=outside.act, effect="once")
    world.crash_at = "tick.before_commit"
    await world.tell(run, "resolve", {"how": "done", "value": 7}, "tool:pay")
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    assert (await world.last.rest(run, person=False)).output == 7
    assert len(outside.calls) == 1
    await world.close()


async def test_a_decision_on_one_attempt_says_nothing_of_the_next(world, outside):
    run = await doubtful(world, "effect.acted", call=outside.act, effect="once")
    world.crash_at = "effect.acted"
    for _ in range(2):  # somebody was impatient
        await world.tell(run, "resolve", {"how": "retry", "attempt": 1}, "tool:pay")
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    (wait,) = (await world.rest(run)).waits
    assert (wait.about["attempt"], len(outside.calls)) == (2, 2)
    await world.tell(run, "resolve", {"how": "done", "value": "receipt", "attempt": 2}, "tool:pay")
    assert (await world.last.rest(run, person=False)).output == "receipt"
    assert len(outside.calls) == 2
    await world.close()


async def test_nothing_is_done_for_an_agent_that_was_lost_just_before(world, outside):
    @world.handler()
    async def work(ctx):
        return await ctx.effect("tool", "pay", outside.act, effect="once")

    engine = await world.engine()

    def taken(point):  # its heartbeat was slow to come to the disk, so that another process took the agent over
        if point == "effect.intended":
            world.clock._now += 2_000
            world.store.commit([Claim("ann", "wrk_other")])

    engine.probe = taken
    run = await world.submit()
    await world.quiet()
    assert outside.calls == []
    assert (await world.told(run))[-1] == "effect.intended tool:pay"
    await world.close()


# -- timeouts ---------------------------------------------------------------------------------------------------------


async def hang(world, effect, **more):
    calls = []

    async def slow(key):
        calls.append(key)
        await asyncio.Event().wait()

    @world.handler()
    async def work(ctx):
        return await ctx.effect("tool", "slow", slow, effect=effect, timeout_ms=5, **more)

    await world.engine()
    ended = await world.run()
    return ended, calls


async def test_a_read_that_times_out_fails(world):
    ended, calls = await hang(world, "read")
    assert (ended.run.status, ended.error["code"], len(calls)) == ("failed", "tool.timeout", 1)
    await world.close()


async def test_an_idempotent_that_times_out_is_tried_with_the_same_key_and_then_in_doubt(world):
    ended, calls = await hang(world, "idempotent")
    assert (ended.run.status, ended.run.waiting_for) == ("waiting", "in_doubt")
    assert (len(calls), len(set(calls))) == (3, 1)
    await world.close()


async def test_a_once_that_times_out_is_in_doubt(world):
    ended, calls = await hang(world, "once")
    assert (ended.run.waiting_for, len(calls)) == ("in_doubt", 1)
    await world.tell(ended.run, "resolve", {"how": "fail"}, "tool:slow")
    assert (await world.last.rest(ended.run, person=False)).run.status == "failed"
    await world.close()


async def test_a_checkable_that_times_out_is_probed(world):
    async def probe(_):
        return "it had arrived"

    ended, calls = await hang(world, "checkable", probe=probe)
    assert (ended.run.status, ended.output, len(calls)) == ("done", "it had arrived", 1)
    await world.close()


async def test_nothing_new_begins_once_the_time_of_a_run_is_up(world, outside):
    @world.handler()
    async def work(ctx):
        ctx.limit_time(1_000)
        await ctx.sleep(60_000)  # waiting does not count
        await ctx.effect("tool", "first", outside.act)
        await ctx.effect("io", "slow", lambda _: world.clock.sleep(1_500))
        await ctx.effect("tool", "second", outside.act)

    await world.engine()
    run = await world.submit()
    await world.pass_time(70_000)
    assert (await world.row(run)).status == "failed"
    assert (await world.error(run))["code"] == "run.deadline_exceeded"
    assert len(outside.calls) == 1
    await world.close()


async def test_a_read_is_cut_off_when_the_time_of_its_run_is_up(world):
    @world.handler()
    async def work(ctx):
        ctx.limit_time(10)
        await ctx.effect("model", "", lambda _: asyncio.Event().wait(), effect="read")

    await world.engine()
    ended = await world.run()
    assert ended.error["code"] in ("tool.timeout", "run.deadline_exceeded")
    await world.close()


# -- errors on record -------------------------------------------------------------------------------------------------


def test_an_error_reads_the_same_from_the_record():
    error = Overloaded("busy", retry_after=1.5, model="m")
    again = restored(told(error)[1])
    assert (type(again), again.message, again.retryable, again.facts) == (Overloaded, "busy", True, {"model": "m"})


def test_any_error_becomes_one_of_ours():
    assert normal(KeyError("x")).message == "KeyError: 'x'"


def test_an_unknown_code_is_still_an_error():
    error = restored(pack({"code": "from.the.future", "message": "hm"}))
    assert (type(error), error.message) == (EffectFailed, "hm")
    assert restored(pack(None)).message == "the effect failed"


def test_facts_that_cannot_be_stored_are_left_out():
    shown, body = told(ToolFailed("broken", thing=object()))
    assert unpack(body) == shown == {"code": "tool.did_nothing", "message": "broken"}
