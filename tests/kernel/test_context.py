"""What a handler can do: the same outcome however often it is executed again."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.codec import pack, unpack
from perdure.base.errors import BudgetExceeded
from perdure.base.usage import Usage
from perdure.kernel.classes import Outcome
from perdure.kernel.program import Yielded
from perdure.kernel.store.rows import RecordFilter, RunFilter


async def again(world, handler, **rules):
    """Run a handler, crash before its end is written, run it again in another process; gives the end."""
    world.handler(**rules)(handler)
    world.crash_at = "tick.before_commit"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.pass_time(500)
    return await world.rest(run)


async def test_time_chance_and_ids_are_the_same_again(world):
    seen = []

    async def work(ctx):
        seen.append((await ctx.now(), ctx.random().random(), ctx.random().random(), ctx.uuid(), ctx.uuid()))

    await again(world, work)
    first, second = seen
    assert first == second
    assert len(set(first)) == 5
    await world.close()


# -- gather -----------------------------------------------------------------------------------------------------------


async def test_gather_gives_results_in_order_whatever_ends_first(world):
    async def branch(ctx, ms):
        await ctx.effect("io", "nap", lambda _: world.clock.sleep(ms), effect="read")
        return ms

    @world.handler()
    async def work(ctx):
        return await ctx.gather(branch(ctx, 300), branch(ctx, 100), branch(ctx, 200))

    await world.engine()
    run = await world.submit()
    await world.pass_time(1_000)
    assert (await world.rest(run)).output == [300, 100, 200]
    done = [key for key, _ in await world.records(run, "effect.done")]
    assert done == ["gather/2/io:nap", "gather/3/io:nap", "gather/1/io:nap"]
    await world.close()


async def test_gather_of_nothing_and_of_one(world, outside):
    @world.handler()
    async def work(ctx):
        assert await ctx.gather() == []
        return await ctx.gather(ctx.effect("tool", "", outside.act), name="calls")

    await world.engine()
    run = (await world.run()).run
    assert "effect.done calls/1/tool" in await world.told(run)
    await world.close()


async def test_gather_lets_all_finish_and_raises_the_first_error_in_order(world):
    finished = []

    async def branch(ctx, ms, error=None):
        await ctx.effect("io", "", lambda _: world.clock.sleep(ms), effect="read")
        finished.append(ms)
        if error:
            raise error

    @world.handler()
    async def work(ctx):
        await ctx.gather(
            branch(ctx, 300, ValueError("first in order")),
            branch(ctx, 100, KeyError("first in time")),
            branch(ctx, 400),
        )

    await world.engine()
    run = await world.submit()
    await world.pass_time(1_000)
    assert "first in order" in (await world.error(run))["message"]
    assert finished == [100, 300, 400]
    await world.close()


async def test_branches_wait_side_by_side_and_the_run_stands_still_only_when_all_do(world):
    @world.handler()
    async def work(ctx):
        return await ctx.gather(ctx.ask("one?"), ctx.ask("two?"), ctx.gather(ctx.ask("three?"), ctx.ask("four?")))

    await world.engine()
    run = (await world.run()).run
    waits = (await world.last.ended(run)).waits
    assert sorted(wait.key for wait in waits) == [
        "gather/1/ask",
        "gather/2/ask",
        "gather/3/gather/1/ask",
        "gather/3/gather/2/ask",
    ]
    for wait in waits:
        await world.tell(run, "approval", wait.about["question"], wait.key)
    ended = await world.last.rest(run, person=False)
    assert ended.output == ["one?", "two?", ["three?", "four?"]]
    await world.close()


async def test_a_cancelled_gather_cancels_its_branches(world):
    left = []

    async def branch(ctx):
        try:
            await ctx.effect("io", "", lambda _: asyncio.Event().wait(), effect="read")
        finally:
            left.append(1)

    @world.handler()
    async def work(ctx):
        await ctx.gather(branch(ctx), branch(ctx))

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.tell(run, "cancel")
    assert (await world.rest(run)).run.status == "cancelled"
    assert left == [1, 1]
    await world.close()


# -- waiting ----------------------------------------------------------------------------------------------------------


async def test_sleep_lasts_over_a_restart_and_is_not_begun_anew(world):
    @world.handler()
    async def work(ctx):
        began = await ctx.now()
        await ctx.sleep(10_000)
        return await ctx.now() - began

    await world.engine()
    run = await world.submit()
    await world.pass_time(6_000)
    await world.crash()  # takes five seconds more
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(run)
    assert 10_000 <= ended.output <= 11_000 + 300
    await world.close()


async def test_sleep_until_a_time_that_has_passed_does_not_wait(world):
    @world.handler()
    async def work(ctx):
        await ctx.sleep_until(await ctx.now() - 5)
        return "at once"

    await world.engine()
    run = await world.submit()
    await world.pass_time(300)
    assert (await world.rest(run)).output == "at once"
    await world.close()


async def test_a_week_of_timers_passes_in_a_moment(world):
    days = []

    @world.handler()
    async def work(ctx):
        for _ in range(7):
            await ctx.sleep(86_400_000)
            days.append((await ctx.now() - start) // 86_400_000)

    start = world.clock.now()
    await world.engine(poll_ms=3_600_000, heartbeat_ms=3_600_000, lease_ms=10_000_000, linger_ms=1_000)
    run = await world.submit()
    await world.pass_time(8 * 86_400_000)
    assert (await world.row(run)).status == "done"
    assert sorted(set(days)) == [1, 2, 3, 4, 5, 6, 7]
    await world.close()


async def test_an_answer_that_does_not_come_in_time_is_none(world):
    @world.handler()
    async def work(ctx):
        return await ctx.ask("well?", options=("yes", "no"), about={"x": 1}, timeout_ms=1_000)

    await world.engine()
    run = (await world.run()).run
    (wait,) = (await world.last.ended(run)).waits
    assert wait.about == {"question": "well?", "options": ["yes", "no"], "about": {"x": 1}}
    await world.pass_time(1_500)
    ended = await world.rest(run)
    assert (ended.run.status, ended.output) == ("done", None)
    await world.close()


async def test_an_answer_in_time_takes_the_timer_away(world):
    @world.handler()
    async def work(ctx):
        said = await ctx.ask("well?", timeout_ms=1_000)
        await ctx.sleep(5_000)
        return said

    await world.engine()
    run = (await world.run()).run
    await world.tell(run, "approval", "yes", "ask")
    await world.quiet()
    assert [timer.key for timer in await world.store.timers("ann")] == ["sleep"]
    await world.pass_time(6_000)
    assert (await world.rest(run)).output == "yes"
    await world.close()


async def test_receive_takes_the_next_message_that_fits(world):
    @world.handler()
    async def work(ctx):
        if ctx.envelope.payload != "listen":
            return "a run of its own"
        envelope = await ctx.receive(kind="message", sender="bob", timeout_ms=60_000)
        return envelope and envelope.payload

    await world.engine()
    listening = (await world.run("listen")).run
    other = await world.submit("from someone else", sender="eve")
    await world.quiet()
    assert (await world.row(listening)).status == "waiting"
    mine = await world.submit("for the one that listens", sender="bob")
    assert (await world.last.rest(listening, person=False)).output == "for the one that listens"
    swallowed = await world.rest(mine)
    assert (swallowed.run.status, swallowed.output) == ("done", None)
    assert (await world.rest(other)).output == "a run of its own"
    await world.close()


async def test_receive_gives_up_when_the_time_is_up(world):
    @world.handler()
    async def work(ctx):
        return await ctx.receive(timeout_ms=1_000)

    await world.engine()
    run = (await world.run()).run
    await world.pass_time(2_000)
    assert (await world.row(run)).status == "done"
    await world.close()


async def test_all_answers_that_have_come_are_handed_over_in_one_turn(world):
    @world.handler()
    async def work(ctx):
        return await ctx.gather(ctx.ask("a"), ctx.ask("b"))

    await world.engine()
    run = (await world.run()).run
    await world.close()
    engine = await world.engine()
    engine._closing = True  # nothing is looked at yet
    await world.tell(run, "approval", 1, "gather/1/ask")
    await world.tell(run, "approval", 2, "gather/2/ask")
    engine._closing = False
    engine.wake("ann")
    assert (await world.last.rest(run, person=False)).output == [1, 2]
    assert len(await world.records(run, "run.waiting")) == 1
    await world.close()


# -- others -----------------------------------------------------------------------------------------------------------


async def test_a_message_sent_over_a_crash_arrives_once(world):
    heard = []

    @world.handler("listener")
    async def listen(ctx):
        heard.append((ctx.envelope.payload, ctx.envelope.sender, ctx.envelope.hops))

    async def work(ctx):
        sent.append(ctx.send("ear", "psst"))
        await ctx.sleep(100)
        return sent[-1]

    sent = []
    await world.engine()
    await world.run(to="ear", spec="listener")
    world.handler()(work)
    world.crash_at = "tick.after_commit"
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.pass_time(1_000)
    assert (await world.row(run)).status == "done"
    assert len(sent) == 2 and sent[0] == sent[1]
    assert heard[1:] == [("psst", "ann", 1)]
    await world.close()


async def test_messages_of_one_sender_arrive_in_order(world):
    heard = []

    @world.handler("listener")
    async def listen(ctx):
        heard.append(ctx.envelope.payload)

    @world.handler()
    async def work(ctx):
        for number in range(10):
            ctx.send("ear", number)

    await world.engine()
    await world.run("hello", to="ear", spec="listener")
    await world.run()
    await world.quiet()
    assert heard == ["hello", *range(10)]
    await world.close()


async def test_a_message_to_nobody_or_in_circles_is_kept_as_a_dead_letter(world):
    @world.handler()
    async def work(ctx):
        ctx.send("nobody", "hello?")

    await world.engine()
    await world.run()
    assert [letter.reason for letter in await world.store.dead_letters("ann")] == ["unknown_agent"]

    @world.handler("echo")
    async def echo(ctx):
        ctx.send(ctx.agent_id, "again")

    await world.run(to="loop", spec="echo")
    for _ in range(30):
        await world.quiet()
    assert [letter.reason for letter in await world.store.dead_letters("loop")] == ["hops"]
    await world.close()


async def test_a_child_run_tells_its_parent_how_it_ended(world):
    @world.handler("child")
    async def child(ctx):
        if ctx.envelope.payload == "bad":
            raise ValueError("no")
        return ctx.envelope.payload * 2

    @world.handler()
    async def parent(ctx):
        good, bad = await ctx.gather(ctx.run("child", 21), ctx.run("child", "bad"))
        return good.output, good.status, bad.status, bad.error["code"]

    await world.engine()
    ended = await world.run()
    assert ended.output == (42, "done", "failed", "run.effect_failed")
    children = (await world.store.runs(RunFilter(parent=ended.run.id))).items
    assert {child.root for child in children} == {ended.run.id}
    assert len(children) == 2
    await world.close()


async def test_a_child_is_the_same_one_over_a_crash(world, outside):
    @world.handler("child")
    async def child(ctx):
        return await ctx.effect("tool", "", outside.act)

    @world.handler()
    async def parent(ctx):
        return (await ctx.run("child", None)).output

    world.crash_at = "tick.after_commit"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.pass_time(1_000)
    assert (await world.rest(run)).output == "done 1"
    assert len((await world.store.runs(RunFilter(parent=run.id))).items) == 1
    await world.close()


async def test_hundreds_of_children_replay_their_parent_not_once(world):
    starts = []

    @world.handler("child")
    async def child(ctx):
        return ctx.envelope.payload

    @world.handler()
    async def parent(ctx):
        starts.append(1)
        results = await ctx.gather(*(ctx.run("child", number) for number in range(300)))
        return sum(result.output for result in results)

    await world.engine()
    assert (await world.run()).output == sum(range(300))
    assert len(starts) == 1
    await world.close()


# -- this agent -------------------------------------------------------------------------------------------------------


async def test_seen_remembers_over_runs_and_its_answer_is_on_record(world):
    @world.handler()
    async def work(ctx):
        known = await ctx.seen("msg-1")
        ctx.mark_seen("msg-1")
        return known, await ctx.seen("msg-1")

    await world.engine()
    assert (await world.run()).output == (False, True)
    assert (await world.run()).output == (True, True)
    await world.close()


async def test_seen_is_bounded(world):
    @world.handler()
    async def work(ctx):
        for number in range(1_030):
            ctx.mark_seen(f"msg-{number}")

    await world.engine()
    await world.run()
    known = [await world.store.seen("ann", f"msg-{number}") for number in range(1_030)]
    assert known.index(True) == 6
    assert sum(known) == 1_024
    await world.close()


async def test_a_checkpoint_closes_a_segment(world, outside):
    starts = []

    async def work(ctx):
        starts.append(ctx.restored)
        done = ctx.restored or 0
        while done < 4:
            await ctx.effect("tool", "work", outside.act, effect="once")
            done += 1
            await ctx.checkpoint(done)
        return done

    world.handler()(work)
    world.crash_at = "effect.done"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    world.crash_at = "effect.before_intent"
    await world.engine(recover=True)
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(run)
    assert ended.output == 4
    assert starts == [None, None, 1]
    assert len(outside.calls) == len(set(outside.calls)) == 4  # a key of its own for each, over segments
    await world.close()


async def test_what_a_run_asked_for_before_its_checkpoint_counts_after_a_crash(world, outside):
    @world.handler()
    async def work(ctx):
        if ctx.restored is None:
            ctx.set_state(b"new", 2)
            ctx.mark_seen("letter")
            await ctx.checkpoint("half")
        await ctx.effect("tool", "work", outside.act, effect="idempotent")

    world.crash_at = "effect.acted"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    assert (await world.rest(run)).run.status == "done"
    agent = await world.store.load_agent("ann")
    assert (agent.state, agent.state_version, await world.store.seen("ann", "letter")) == (b"new", 2, True)
    await world.close()


async def test_a_replay_reads_only_what_comes_after_the_checkpoint(world, outside):
    restored = []

    @world.handler()
    async def work(ctx):
        restored.append(ctx.restored)
        if ctx.restored is None:
            ctx.send("nobody", "leaves with the checkpoint")
            for _ in range(5):
                await ctx.effect("tool", "work", outside.act)
            await ctx.checkpoint({"step": 5})
        first = await ctx.effect("tool", "work", outside.act)
        await ctx.ask("go on?")
        return first

    await world.engine()
    run = (await world.run()).run
    assert (await world.row(run)).checkpoint_seq > 0
    await world.close()
    read = []
    records = world.store.records

    async def watched(filter, **more):
        found = await records(filter, **more)
        read.extend(record.type for record in found)
        return found

    world.store.records = watched
    await world.engine(recover=True)
    await world.tell(run, "approval", "yes", "ask")
    ended = await world.last.rest(run, person=False)
    assert ended.output == "done 6"
    assert restored == [None, {"step": 5}]
    assert read.count("effect.done") == 1
    assert [event.to for _, event in await world.records(run, "message.sent")] == ["nobody"]
    (finished,) = await world.records(run, "run.finished")
    assert finished[1].unasked == ()
    await world.close()


@pytest.mark.parametrize("many", [100, 500])
async def test_a_long_run_costs_the_same_in_the_journal_at_every_step(world, many):
    @world.handler()
    async def work(ctx):
        for step in range(1, many + 1):
            with ctx.scope(f"step{step}", last=True):

                async def answer(_):
                    return "x" * 100

                await ctx.gather(ctx.effect("tool", "a", answer, effect="read"), name="call")
                await ctx.gather(*(ctx.effect("tool", "b", answer, effect="read") for _ in range(2)), name="call")
            if step % 50 == 0:
                await ctx.checkpoint({"step": step})

    await world.engine()
    run = (await world.run()).run
    records = await world.store.records(RecordFilter("ann", run.id), limit=10_000)
    size = sum(len(record.data) for record in records)
    checkpoints = [len(record.data) for record in records if record.type == "checkpoint"]
    assert max(checkpoints) <= min(checkpoints) + 4
    assert size < many * 3 * 100 * 2
    await world.close()


async def test_history_is_what_was_before_this_run_the_newest_first(world, outside):
    @world.handler()
    async def work(ctx):
        await ctx.effect("tool", "", outside.act)
        return [(record.type, record.run_id == ctx.run_id) for record in await ctx.history(limit=2)]

    await world.engine()
    assert (await world.run()).output == []
    assert (await world.run()).output == [("run.finished", False), ("effect.done", False)]
    await world.close()


async def test_what_a_run_has_used_grows_with_its_handler_also_in_a_replay(world):
    seen = []

    async def think(_):
        return Outcome("hm", Usage(10, 5), cost=7)

    async def work(ctx):
        tokens = []
        for _ in range(3):
            await ctx.effect("model", "", think, effect="read")
            tokens.append(ctx.tokens)
        seen.append(tokens)
        return ctx.cost

    ended = await again(world, work)
    assert seen == [[15, 30, 45]] * 2
    assert (ended.output, ended.run.cost, ended.run.steps, ended.run.input_tokens) == (21, 21, 3, 30)
    await world.close()


async def test_an_agents_state_is_what_its_last_good_run_left(world):
    @world.handler()
    async def count(ctx):
        data, version = ctx.state
        number = unpack(data) + 1 if data else 1
        ctx.set_state(pack(number), 3)
        return number, version

    await world.engine()
    assert [(await world.run()).output for _ in range(3)] == [(1, 0), (2, 3), (3, 3)]
    await world.close()


async def test_a_yielded_run_keeps_its_state_and_mail(world):
    @world.handler()
    async def work(ctx):
        ctx.set_state(pack(1), 1)
        return Yielded(1)

    await world.engine()
    await world.run()
    assert (await world.store.load_agent("ann")).state == pack(1)
    await world.close()


async def test_a_handler_that_catches_a_refused_budget_goes_the_same_way_again(world, outside):
    went = []

    async def work(ctx):
        try:
            await ctx.effect("model", "", outside.act, effect="read", reserve=1_000)
        except BudgetExceeded:
            went.append("cheap")
            return await ctx.effect("tool", "cheap", outside.act)

    ended = await again(world, work, per_run=10)
    assert (went, ended.output) == (["cheap", "cheap"], "done 1")
    assert "effect.failed model" in await world.told(ended.run)
    await world.close()
