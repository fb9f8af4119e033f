"""The tick: one turn of one agent at a time, everything of a turn in one commit, nothing accepted is lost."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from perdure.base.codec import pack
from perdure.base.errors import Fenced, Overloaded, RunNotFound, StoreBusy, StoreFull, UnknownSpec
from perdure.kernel.program import Yielded
from perdure.kernel.store.ops import Append, HasFence, Unclaim
from perdure.kernel.store.rows import RunFilter


async def test_a_message_begins_a_run_and_its_answer_is_on_record(world):
    @world.handler()
    async def greet(ctx):
        return f"hello {ctx.envelope.payload}"

    await world.engine()
    ended = await world.run("ann")

    assert (ended.run.status, ended.output) == ("done", "hello ann")
    assert await world.told(ended.run) == ["run.accepted", "run.finished"]
    assert await world.store.verify("ann") == []
    await world.close()


async def test_one_agent_has_one_run_at_a_time_and_takes_messages_in_order(world):
    active, seen = [], []

    @world.handler()
    async def work(ctx):
        active.append(ctx.run_id)
        assert len(active) == 1
        await ctx.sleep(1_000)
        seen.append(ctx.envelope.payload)
        active.pop()

    await world.engine()
    runs = [await world.submit(number) for number in range(3)]
    assert [(await world.row(run)).status for run in runs] == ["waiting", "queued", "queued"]
    await world.pass_time(5_000)

    assert seen == [0, 1, 2]
    assert [(await world.row(run)).status for run in runs] == ["done"] * 3
    await world.close()


async def test_many_agents_work_side_by_side(world):
    together, most = 0, 0

    @world.handler()
    async def work(ctx):
        nonlocal together, most
        together += 1
        most = max(most, together)
        await ctx.effect("io", "", lambda _: asyncio.sleep(0))
        together -= 1

    await world.engine()
    runs = [await world.submit(to=f"agent-{number}") for number in range(20)]
    await asyncio.gather(*(world.rest(run) for run in runs))
    assert most > 1
    await world.close()


async def test_the_same_envelope_gives_the_run_that_it_began(world):
    count = []

    @world.handler()
    async def work(ctx):
        count.append(1)

    await world.engine()
    first = await world.submit(id="env_1")
    await world.rest(first)
    again = await world.submit(id="env_1")
    assert again.id == first.id
    assert len(count) == 1
    await world.close()


async def test_two_that_send_the_same_envelope_at_once_get_one_run(world):
    @world.handler()
    async def work(ctx):
        return "once"

    await world.engine()
    await world.run("make the agent")
    one, other = await asyncio.gather(world.submit(id="env_1"), world.submit(id="env_1"))
    assert one.id == other.id
    await world.close()


async def test_two_first_messages_at_once_make_one_agent(world):
    @world.handler()
    async def work(ctx):
        return ctx.envelope.payload

    await world.engine()
    runs = await asyncio.gather(*(world.submit(number, id=f"env_{number}") for number in range(5)))
    ended = await asyncio.gather(*(world.rest(run) for run in runs))
    assert [one.output for one in ended] == [0, 1, 2, 3, 4]
    await world.close()


async def test_a_handler_that_raises_fails_its_run_and_says_why(world):
    @world.handler()
    async def work(ctx):
        raise ValueError("no luck")

    await world.engine()
    ended = await world.run()
    assert ended.run.status == "failed"
    assert ended.error == {"code": "run.effect_failed", "message": "ValueError: no luck"}
    assert await world.told(ended.run) == ["run.accepted", "tick.failed", "run.finished"]
    await world.close()


async def test_an_answer_that_cannot_be_stored_fails_the_run(world):
    @world.handler()
    async def work(ctx):
        return object()

    await world.engine()
    ended = await world.run()
    assert (ended.run.status, ended.error["code"]) == ("failed", "input.invalid")
    await world.close()


async def test_an_error_whose_words_cannot_be_stored_fails_the_run_all_the_same(world):
    @world.handler()
    async def work(ctx):
        raise ValueError("half a pair: \ud800")

    await world.engine()
    ended = await world.run()
    assert ended.run.status == "failed"
    assert "half a pair" in ended.error["message"]
    await world.close()


async def test_a_handler_that_cancels_itself_fails_and_is_not_tried_for_ever(world):
    starts = []

    @world.handler()
    async def work(ctx):
        starts.append(1)
        raise asyncio.CancelledError

    await world.engine(recover=True)
    run = await world.submit()
    await world.pass_time(10_000)
    assert len(starts) == 1
    assert (await world.row(run)).status == "failed"
    await world.close()


async def test_a_failure_drops_the_state_and_the_mail_of_its_turn(world):
    @world.handler("listener")
    async def listen(ctx):
        return None

    @world.handler()
    async def work(ctx):
        ctx.set_state(pack("new"), 1)
        ctx.mark_seen("x")
        ctx.send("listener", "never sent")
        if ctx.envelope.payload == "bad":
            raise ValueError("no")
        return ctx.state[0]

    await world.engine()
    await world.run(to="listener", spec="listener")
    await world.run("bad")
    agent = await world.store.load_agent("ann")
    assert (agent.state, await world.store.seen("ann", "x")) == (None, False)
    assert await world.store.mail("listener", 10) == []

    ended = await world.run("good")
    assert ended.output is None  # what the state was when the run began
    agent = await world.store.load_agent("ann")
    assert (agent.state, agent.state_version, await world.store.seen("ann", "x")) == (pack("new"), 1, True)
    await world.quiet()
    assert "message.sent send:listener" in await world.told(ended.run)
    await world.close()


async def test_a_retryable_failure_is_tried_again_after_a_pause_that_doubles(world, outside):
    times = []

    @world.handler(attempts=3, backoff_ms=1_000)
    async def work(ctx):
        await ctx.effect("tool", "first", outside.act)
        times.append(world.clock.now())
        if len(times) < 3:
            raise Overloaded("busy")
        return "at last"

    await world.engine()
    run = await world.submit()
    await world.pass_time(500)
    assert (await world.row(run)).status == "waiting"
    await world.pass_time(10_000)

    assert [time - times[0] for time in times] == [0, 1_000, 3_000]
    assert len(outside.calls) == 1  # what was done before is answered from the journal
    row = await world.row(run)
    assert (row.status, row.attempt) == ("done", 3)
    assert (await world.records(run, "run.finished"))[0][1].unasked == ()
    await world.close()


async def test_retries_come_to_an_end(world):
    @world.handler(attempts=2, backoff_ms=10)
    async def work(ctx):
        raise Overloaded("busy")

    await world.engine()
    run = await world.submit()
    await world.pass_time(1_000)
    assert (await world.row(run)).status == "failed"
    assert [event.attempt for _, event in await world.records(run, "tick.failed")] == [1, 2]
    await world.close()


async def test_an_effect_whose_failure_escaped_is_done_anew_by_a_retry(world):
    calls = []

    async def shaky(_):
        calls.append(1)
        if len(calls) < 3:
            raise Overloaded("busy")
        return "ok"

    @world.handler(attempts=5, backoff_ms=10)
    async def work(ctx):
        return await ctx.effect("model", "", shaky, effect="read")

    await world.engine()
    run = await world.submit()
    await world.pass_time(1_000)
    ended = await world.rest(run)
    assert (ended.run.status, ended.output, len(calls)) == ("done", "ok", 3)
    assert ended.run.steps == 1
    await world.close()


async def test_a_crash_between_a_failure_and_its_retry_loses_neither(world):
    calls = []

    async def shaky(_):
        calls.append(1)
        if len(calls) == 1:
            raise Overloaded("busy")
        return "ok"

    @world.handler(attempts=2, backoff_ms=10)
    async def work(ctx):
        try:
            return await ctx.effect("model", "", shaky, effect="read")
        finally:
            if len(calls) == 1:
                ctx.crash_point("after the failure")

    world.crash_at = "after the failure"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.pass_time(1_000)
    assert (await world.row(run)).status == "done"
    await world.close()


async def test_an_answer_that_comes_during_a_pause_waits_for_the_retry(world):
    failures = []

    @world.handler("asker", attempts=2, backoff_ms=1_000)
    async def asker(ctx):
        said = await ctx.ask("well?")
        if not failures:
            failures.append(1)
            raise Overloaded("busy")
        return said

    await world.engine()
    run = (await world.run(spec="asker")).run
    await world.tell(run, "approval", "yes", "ask")
    await world.quiet()
    assert (await world.row(run)).waiting_for == "timer"
    await world.tell(run, "approval", "too late", "ask")
    await world.quiet()
    assert (await world.row(run)).attempt == 2
    await world.pass_time(1_000)
    ended = await world.rest(run)
    assert (ended.run.status, ended.output) == ("done", "yes")
    await world.close()


async def test_a_run_that_yields_rests_and_can_be_resumed(world):
    @world.handler()
    async def work(ctx):
        return Yielded(2, "half") if ctx.extensions == 0 else "whole"

    await world.engine()
    ended = await world.run()
    assert (ended.run.status, ended.output) == ("yielded", "half")
    assert (await world.last.ended(ended.run)).output == "half"

    await world.tell(ended.run, "resume")
    again = await world.last.rest(ended.run, unlike=ended.run)
    assert (again.run.status, again.output) == ("done", "whole")
    await world.close()


async def test_one_asks_for_a_run_that_is_not_there(world):
    @world.handler()
    async def work(ctx):
        return 1

    await world.engine()
    run = (await world.run()).run
    with pytest.raises(RunNotFound):
        await world.rest(replace(run, id="run_none"))
    await world.close()


async def test_a_run_of_a_spec_that_is_gone_tells_whoever_waits(world):
    @world.handler()
    async def work(ctx):
        return await ctx.ask("?")

    await world.engine()
    run = (await world.run()).run
    await world.close()
    del world.shelf.programs["spec"]
    await world.engine(recover=True)
    await world.tell(run, "approval", "x", "ask")
    with pytest.raises(UnknownSpec):
        await world.last.rest(run, person=False)
    await world.close()


async def test_a_worker_that_wakes_up_late_is_refused_by_its_fence(world, outside):
    gate = asyncio.Event()

    @world.handler()
    async def work(ctx):
        async def slow(key):
            await gate.wait()
            return await outside.act(key)

        return await ctx.effect("io", "", slow, effect="read")

    late = await world.engine()
    late._pulse._lease._beaten_at = 0  # it does not notice the time that passes
    run = await world.submit()
    await world.quiet()
    await late._pulse.stop()
    await world.pass_time(10_000)

    second = await world.engine(recover=True)
    await world.quiet()
    fence = (await world.store.load_agent("ann")).fence
    assert (await world.store.load_agent("ann")).owner == second.worker
    gate.set()
    await world.quiet()
    assert (await world.row(run)).status == "done"
    assert len(await world.records(run, "effect.done")) == 1
    with pytest.raises(Fenced):
        await world.store.commit([Append("ann", ())], (HasFence("ann", late.worker, fence - 1),))
    await late.close()
    await world.close()


async def test_a_second_engine_leaves_alone_what_a_live_one_holds(world):
    gate = asyncio.Event()

    @world.handler()
    async def work(ctx):
        return await ctx.effect("io", "", lambda _: gate.wait(), effect="read")

    first = await world.engine()
    run = await world.submit()
    await world.engine(recover=True)
    await world.pass_time(20_000)
    assert (await world.store.load_agent("ann")).owner == first.worker
    gate.set()
    await world.quiet()
    assert (await world.row(run)).status == "done"
    await world.close()


@pytest.mark.parametrize("point", ["accept.after_commit", "tick.before_commit", "tick.after_commit", "effect.done"])
async def test_what_was_accepted_is_finished_by_another_process(world, outside, point):
    @world.handler()
    async def work(ctx):
        return await ctx.effect("tool", "mail", outside.act, effect="once")

    world.crash_at = point
    await world.engine()
    try:
        await world.submit()
    except BaseException as error:
        assert type(error).__name__ == "Crash"
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.pass_time(1_000)

    (run,) = (await world.store.runs(RunFilter())).items
    assert run.status == "done"
    assert len(outside.calls) == 1
    assert await world.store.verify("ann") == []
    await world.close()


async def test_a_process_that_does_not_recover_touches_only_what_it_is_asked_for(world):
    @world.handler()
    async def work(ctx):
        await ctx.sleep(1_000)
        return "slept"

    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    engine = await world.engine()
    await world.pass_time(10_000)
    assert (await world.row(run)).status == "waiting"
    engine.wake("ann")
    await world.quiet()
    assert (await world.row(run)).status == "done"
    await world.close()


async def test_closing_lets_an_effect_under_way_finish_and_begins_nothing_new(world, outside):
    gate = asyncio.Event()

    @world.handler()
    async def work(ctx):
        await ctx.effect("io", "one", lambda _: gate.wait())
        return await ctx.effect("io", "two", outside.act)

    engine = await world.engine()
    run = await world.submit()
    await world.quiet()
    closing = asyncio.create_task(engine.close(grace_ms=1_000))
    await world.quiet()
    gate.set()
    await closing
    assert outside.calls == []
    assert "effect.done io:one" in await world.told(run)
    assert (await world.store.load_agent("ann")).owner == ""

    await world.engine(recover=True)
    await world.quiet()
    assert (await world.row(run)).status == "done"
    await world.close()


async def test_closing_does_not_wait_for_what_lingers(world):
    @world.handler()
    async def work(ctx):
        return await ctx.ask("?")

    engine = await world.engine(linger_ms=60_000)
    await world.run()
    await asyncio.wait_for(engine.close(), 1)
    assert (await world.store.load_agent("ann")).owner == ""


async def test_closing_ends_all_of_it_also_where_an_agent_cannot_be_given_up(world):
    @world.handler()
    async def work(ctx):
        return await ctx.ask("?")

    engine = await world.engine(linger_ms=60_000)
    await world.run(to="ann")
    await world.run(to="bob")
    commit, failed = world.store.commit, []

    def fails_once(ops, guards=()):
        if not failed and any(isinstance(op, Unclaim) for op in ops):
            failed.append(ops)
            raise StoreBusy("somebody else has the file")
        return commit(ops, guards)

    world.store.commit = fails_once
    await engine.close()
    owners = [(await world.store.load_agent(name)).owner for name in ("ann", "bob")]
    assert owners == [engine.worker, ""]
    beaten = (await world.store.workers())[0].heartbeat_at
    await world.pass_time(10_000)
    assert (await world.store.workers())[0].heartbeat_at == beaten  # nothing keeps the claim alive


async def test_a_waiting_run_lingers_in_memory_and_then_goes_cold(world):
    starts, ends = [], []

    @world.handler()
    async def work(ctx):
        starts.append(1)
        try:
            return await ctx.ask("?"), await ctx.ask("??")
        finally:
            ends.append(1)

    engine = await world.engine(linger_ms=2_000)
    run = (await world.run()).run
    await world.tell(run, "approval", 1, "ask")
    await world.quiet()
    assert len(starts) == 1  # hot: the handler stood where it was
    await world.pass_time(2_500)
    assert (len(ends), engine._held) == (1, {})  # cold: its finally ran, and nothing is left in memory
    await world.tell(run, "approval", 2, "ask#2")
    assert (await world.rest(run)).output == (1, 2)
    assert len(starts) == 2
    await world.close()


async def test_a_parent_stays_hot_while_its_children_are(world):
    starts = []

    @world.handler("child")
    async def child(ctx):
        await ctx.effect("io", "", lambda _: world.clock.sleep(10_000), effect="read")
        return "grown"

    @world.handler()
    async def parent(ctx):
        starts.append(1)
        return (await ctx.run("child", None)).output

    await world.engine(linger_ms=1_000)
    run = await world.submit()
    await world.pass_time(11_000)
    assert (await world.rest(run)).output == "grown"
    assert len(starts) == 1
    await world.close()


async def test_crash_points_are_named(world, outside):
    @world.handler()
    async def work(ctx):
        await ctx.effect("tool", "", outside.act)

    await world.engine()
    await world.run()
    assert world.points == [
        "accept.before_commit",
        "accept.after_commit",
        "effect.before_intent",
        "effect.intended",
        "effect.acted",
        "effect.done",
        "tick.before_commit",
        "tick.after_commit",
    ]
    await world.close()


async def test_an_agent_that_was_claimed_and_could_not_be_loaded_is_given_back(world):
    @world.handler()
    async def work(ctx):
        return "done"

    await world.engine()
    await world.run()
    load, failed = world.store.load_agent, []

    async def fails_once(agent_id):
        if not failed:
            failed.append(agent_id)
            raise StoreBusy("somebody else has the file")
        return await load(agent_id)

    world.store.load_agent = fails_once
    await world.post("ann", "more")
    await world.quiet()
    assert failed == ["ann"]
    assert (await load("ann")).owner == ""  # any process may take it up
    await world.close()


@pytest.mark.parametrize("fault", [StoreBusy, StoreFull])
async def test_an_agent_that_cannot_be_given_up_is_given_up_later(world, fault):
    """Its run goes cold while the disk is full. Nobody else may take it meanwhile, and so nobody else would answer."""

    @world.handler()
    async def work(ctx):
        return await ctx.ask("go on?")

    await world.engine(linger_ms=1_000)
    await world.run()
    commit, failed = world.store.commit, []

    def fails(ops, guards=()):
        if not failed and any(isinstance(op, Unclaim) for op in ops):
            failed.append(ops)
            raise fault("not just now")
        return commit(ops, guards)

    world.store.commit = fails
    await world.pass_time(1_500)
    assert failed
    assert (await world.store.load_agent("ann")).owner != ""
    await world.pass_time(5_000)
    assert (await world.store.load_agent("ann")).owner == ""  # any process may take it up
    await world.close()


async def test_closing_between_two_turns_ends(world):
    """The run is put away while the turn that would go on with it reads its mail."""

    @world.handler()
    async def work(ctx):
        return await ctx.ask("go on?")

    engine = await world.engine()
    run = (await world.run()).run
    read, closing = world.store.mail, []

    async def slow(agent_id, limit):
        mail = await read(agent_id, limit)
        if mail and not closing:
            closing.append(asyncio.create_task(engine.close()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return mail

    world.store.mail = slow
    await world.tell(run, "approval", "yes", (await world.rest(run)).waits[0].key)
    await world.quiet()
    assert closing[0].done()
    world.store.mail = read
    await world.engine(recover=True)
    await world.quiet()
    assert (await world.rest(run)).output == "yes"
    await world.close()
