"""Cancel, pause and resume: what a person may do to a run, whatever state it is in."""

from __future__ import annotations

import asyncio

import pytest

from perdure.kernel.program import Yielded
from perdure.kernel.store.rows import RunFilter


async def test_cancel_cuts_a_running_effect_short(world):
    cleaned = []

    async def slow(_):
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(1)

    @world.handler()
    async def work(ctx):
        await ctx.effect("tool", "slow", slow, effect="read")

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.tell(run, "cancel")
    ended = await world.rest(run)
    assert (ended.run.status, ended.error) == (
        "cancelled",
        {"code": "run.cancelled", "message": "cancelled by boss"},
    )
    assert cleaned == [1]
    await world.close()


async def test_cancel_names_what_may_or_may_not_have_happened(world):
    @world.handler()
    async def work(ctx):
        await ctx.effect("tool", "fire", lambda _: asyncio.Event().wait(), effect="once")

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.tell(run, "cancel")
    assert (await world.rest(run)).error["facts"] == {"in_doubt": ["tool:fire"]}
    await world.close()


async def test_cancel_of_a_waiting_run_lets_its_finally_run(world):
    left = []

    @world.handler()
    async def work(ctx):
        try:
            await ctx.ask("?")
        finally:
            left.append(1)

    await world.engine()
    run = (await world.run()).run
    await world.tell(run, "cancel")
    ended = await world.last.rest(run, unlike=run)
    assert (ended.run.status, left) == ("cancelled", [1])
    assert await world.store.timers("ann") == []
    await world.close()


async def test_cancel_of_a_queued_run_never_begins_it(world):
    begun = []

    @world.handler()
    async def work(ctx):
        begun.append(ctx.envelope.payload)
        await ctx.sleep(1_000)

    await world.engine()
    first = await world.submit(1)
    second = await world.submit(2)
    await world.tell(second, "cancel")
    await world.pass_time(5_000)
    assert (await world.row(second)).status == "cancelled"
    assert (await world.row(first)).status == "done"
    assert begun == [1]
    await world.close()


async def test_cancel_reaches_child_runs(world):
    @world.handler("child")
    async def child(ctx):
        await ctx.ask("?")

    @world.handler()
    async def parent(ctx):
        await ctx.gather(ctx.run("child", 1, agent_id="kid-1"), ctx.run("child", 2, agent_id="kid-2"))

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.tell(run, "cancel")
    await world.quiet()
    kids = [one for one in (await world.store.runs(RunFilter())).items if one.parent == run.id]
    assert [one.status for one in kids] == ["cancelled", "cancelled"]
    await world.close()


async def test_cancel_of_a_run_that_has_ended_is_dropped_on_record(world):
    @world.handler()
    async def work(ctx):
        return 1

    await world.engine()
    run = (await world.run()).run
    await world.tell(run, "cancel")
    await world.quiet()
    assert (await world.row(run)).status == "done"
    assert [event.reason for _, event in await world.records(None, "message.dropped")] == ["unknown_run"]
    await world.close()


async def test_a_cancel_that_comes_twice_does_not_hit_the_next_run(world):
    @world.handler()
    async def work(ctx):
        await ctx.sleep(1_000)
        return "slept"

    await world.engine()
    first = await world.submit(1)
    second = await world.submit(2)
    await world.quiet()
    await world.tell(first, "cancel")
    await world.tell(first, "cancel")
    world.last.wake("ann")
    await world.pass_time(5_000)
    assert (await world.row(first)).status == "cancelled"
    assert (await world.row(second)).status == "done"
    await world.close()


async def test_pause_parks_between_two_effects_and_resume_goes_on(world, outside):
    gate = asyncio.Event()

    @world.handler()
    async def work(ctx):
        await ctx.effect("io", "one", lambda _: gate.wait())
        return await ctx.effect("io", "two", outside.act)

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.tell(run, "pause")
    await world.quiet()
    gate.set()
    paused = await world.rest(run)
    assert (paused.run.status, outside.calls) == ("paused", [])
    assert (await world.told(run))[-1] == "run.paused"

    await world.tell(run, "resume")
    ended = await world.last.rest(paused.run, unlike=paused.run)
    assert (ended.run.status, ended.output) == ("done", "done 1")
    assert [event.reason for _, event in await world.records(run, "run.resumed")] == ["unpaused"]
    await world.close()


async def test_a_paused_run_takes_no_answers_until_it_is_resumed(world):
    @world.handler()
    async def work(ctx):
        return await ctx.ask("?")

    await world.engine()
    run = (await world.run()).run
    await world.tell(run, "pause")
    paused = await world.last.rest(run, unlike=run)
    await world.tell(run, "approval", "yes", "ask")
    await world.pass_time(10_000)
    assert (await world.row(run)).status == "paused"
    await world.tell(run, "resume")
    ended = await world.last.rest(run, person=False, unlike=paused.run)
    assert (ended.run.status, ended.output) == ("done", "yes")
    await world.close()


async def test_a_paused_run_sleeps_through_its_timer_and_wakes_after_resume(world):
    @world.handler()
    async def work(ctx):
        await ctx.sleep(1_000)
        return "slept"

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.tell(run, "pause")
    await world.pass_time(5_000)
    assert (await world.row(run)).status == "paused"
    await world.tell(run, "resume")
    await world.pass_time(1_000)
    assert (await world.row(run)).status == "done"
    await world.close()


async def test_a_failed_run_can_be_resumed_and_does_its_failed_effect_anew(world):
    calls = []

    async def shaky(_):
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("no")
        return "ok"

    @world.handler()
    async def work(ctx):
        first = await ctx.effect("tool", "shaky", shaky)
        return first if ctx.extensions < 2 and len(calls) < 2 else Yielded(1, first)

    await world.engine()
    failed = await world.run()
    assert failed.run.status == "failed"
    await world.tell(failed.run, "resume")
    yielded = await world.last.rest(failed.run, unlike=failed.run)
    assert (yielded.run.status, yielded.output, len(calls)) == ("yielded", "ok", 2)

    # Another resume must not do again what has been done since.
    await world.tell(yielded.run, "resume")
    await world.quiet()
    assert len(calls) == 2
    await world.close()


@pytest.mark.parametrize("kind", ["pause", "resume"])
async def test_what_cannot_be_done_is_dropped_on_record(world, kind):
    @world.handler()
    async def work(ctx):
        return 1

    await world.engine()
    run = (await world.run()).run
    await world.tell(run, kind)
    await world.quiet()
    (reason,) = [event.reason for _, event in await world.records(None, "message.dropped")]
    assert reason == {"pause": "unknown_run", "resume": "not_resumable"}[kind]
    assert (await world.row(run)).status == "done"
    await world.close()


async def test_resume_of_a_run_behind_another_is_dropped(world):
    @world.handler()
    async def work(ctx):
        if ctx.envelope.payload == "yield":
            return Yielded(1)
        return await ctx.ask("?")

    await world.engine()
    yielded = (await world.run("yield")).run
    await world.run("ask")
    await world.tell(yielded, "resume")
    await world.quiet()
    assert (await world.row(yielded)).status == "yielded"
    await world.close()


async def test_a_new_message_cancels_a_waiting_run_where_the_program_says_so(world):
    @world.handler(while_waiting="cancel")
    async def work(ctx):
        return await ctx.ask("?") if ctx.envelope.payload == "ask" else "at once"

    await world.engine()
    asking = (await world.run("ask")).run
    ended = await world.run("now")
    assert ended.output == "at once"
    assert (await world.row(asking)).status == "cancelled"
    assert (await world.error(asking)) == {"code": "run.cancelled", "message": "a new message came while it waited"}
    await world.close()


async def test_a_new_message_cancels_a_waiting_run_that_has_gone_cold(world):
    @world.handler(while_waiting="cancel")
    async def work(ctx):
        return await ctx.ask("?") if ctx.envelope.payload == "ask" else "at once"

    await world.engine()
    asking = (await world.run("ask")).run
    await world.close()
    await world.engine()
    assert (await world.run("now")).output == "at once"
    assert (await world.row(asking)).status == "cancelled"
    await world.close()


async def test_a_new_message_waits_for_a_run_that_works(world):
    gate = asyncio.Event()

    @world.handler(while_waiting="cancel")
    async def work(ctx):
        if ctx.envelope.payload == 1:
            await ctx.effect("io", "", lambda _: gate.wait())
        return ctx.envelope.payload

    await world.engine()
    first, second = await world.submit(1), await world.submit(2)
    await world.quiet()
    gate.set()
    assert (await world.rest(first)).output == 1
    assert (await world.rest(second)).output == 2
    await world.close()


async def test_messages_queue_behind_a_waiting_run_by_default(world):
    @world.handler()
    async def work(ctx):
        return await ctx.ask("?") if ctx.envelope.payload == "ask" else "later"

    await world.engine()
    asking = (await world.run("ask")).run
    behind = await world.run("next")
    assert (behind.run.status, [wait.key for wait in behind.waits]) == ("queued", ["ask"])
    await world.tell(asking, "approval", "yes", "ask")
    assert (await world.last.rest(behind.run, person=False)).output == "later"
    await world.close()
