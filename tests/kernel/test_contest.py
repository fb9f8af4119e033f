"""Branches of which some are cut off: who, is decided once and on record."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from perdure.base.errors import ToolFailed, ToolTimeout
from perdure.kernel.commands import interrupt
from perdure.kernel.contest import never
from perdure.kernel.intake import read


def first(done, failed):
    return done > 0


async def states(ctx, *work, enough=never, **rules):
    return [branch.state for branch in await ctx.contest(*work, enough=enough, **rules)]


def branch(ctx, name, what):
    """A branch with a scope of its own."""

    async def go():
        with ctx.scope(name):
            return await what()

    return go


async def test_all_are_let_finish_where_nothing_is_enough_and_nothing_is_written(world, outside):
    @world.handler()
    async def race(ctx):
        async def fail():
            raise ToolFailed("no")

        return await states(
            ctx, branch(ctx, "a", lambda: ctx.effect("act", "", outside.act)), branch(ctx, "b", fail), at_once=1
        )

    await world.engine()
    run = (await world.run()).run
    assert (await world.told(run))[1:3] == ["effect.intended a/act", "effect.done a/act"]
    assert [key for key, _ in await world.records(run) if "settled" in key] == []
    await world.close()


async def test_the_others_are_cut_off_and_a_process_that_comes_later_knows(world, outside):
    ended = []

    @world.handler()
    async def race(ctx):
        async def quick():
            return await ctx.effect("act", "", outside.act)

        async def waits():
            await ctx.ask("Me?")
            ended.append("waits")

        found = await states(ctx, branch(ctx, "a", waits), branch(ctx, "b", quick), enough=first)
        return found, await ctx.ask("And now?")

    await world.engine()
    run = await world.submit()
    ended_here = await world.rest(run)
    assert [wait.key for wait in ended_here.waits] == ["ask"]
    await world.crash()
    await world.engine(recover=True)
    await world.tell(run, "approval", "yes", key="ask")
    await world.quiet()
    assert (await world.rest(run)).output == [["cut", "done"], "yes"]
    assert (len(outside.calls), ended) == (1, [])
    await world.close()


async def test_what_may_change_something_is_let_finish(world):
    told = []

    @world.handler()
    async def race(ctx):
        async def slow(_):
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                told.append("cancelled")
                raise
            told.append("finished")

        async def act():
            await ctx.effect("act", "", slow, effect="once")
            await ctx.effect("after", "", slow, effect="once")

        async def read():
            await ctx.effect("read", "", slow, effect="read")

        async def quick():
            await asyncio.sleep(0.01)

        return await states(ctx, branch(ctx, "a", act), branch(ctx, "b", read), branch(ctx, "c", quick), enough=first)

    await world.engine()
    ended = await world.run()
    assert ended.output == ["cut", "cut", "done"]
    assert sorted(told) == ["cancelled", "finished"]
    keys = [key for key, _ in await world.records(ended.run, "effect.done")]
    assert keys == ["settled", "a/act"]
    await world.close()


@pytest.mark.parametrize("how", ["done", "retry"])
async def test_who_was_cut_off_in_doubt_is_waited_for_and_the_run_says_so(world, how):
    told, too_late = [], asyncio.Event()

    @world.handler()
    async def late(ctx):
        async def act():
            await ctx.effect("act", "", once, effect="once")
            told.append("went on")
            await ctx.ask("Me?")

        async def reads():
            await ctx.sleep(60_000)

        async def nested():
            await ctx.contest(branch(ctx, "c", act), branch(ctx, "d", reads), enough=never, within_ms=30_000)

        return await states(ctx, branch(ctx, "a", act), branch(ctx, "b", nested), within_ms=1_000)

    async def once(_):
        told.append("began")
        if len(told) <= 2:
            await too_late.wait()
            raise ToolTimeout("nobody answers")

    await world.engine(heartbeat_ms=None)
    run = await world.submit()
    await world.quiet()
    await world.pass_time(1_000)
    assert (await world.row(run)).status == "running"
    too_late.set()
    ended = await world.rest(run)
    assert sorted((wait.kind, wait.key) for wait in ended.waits) == [("in_doubt", "a/act"), ("in_doubt", "b/c/act")]
    for key in ("a/act", "b/c/act"):
        await world.tell(run, "resolve", {"how": how, "value": None, "who": "op", "why": ""}, key=key)
        await world.quiet()
    assert (await world.rest(run)).output == ["cut", "cut"]
    assert told.count("went on") == 2
    assert told.count("began") == (2 if how == "done" else 4)  # what a person says is done
    assert await world.store.timers("ann") == []
    await world.close()


async def test_what_is_in_doubt_from_before_is_seen_to_although_its_branch_was_cut_off(world):
    calls = []

    async def stuck(key):
        calls.append(key)
        await asyncio.Event().wait()

    @world.handler()
    async def race(ctx):
        async def act():
            return await ctx.effect("act", "", stuck, effect="once")

        async def asks():
            return await ctx.ask("Me?")

        return await states(ctx, branch(ctx, "a", act), branch(ctx, "b", asks), enough=first)

    first_engine = await world.engine()
    run = await world.submit()
    await world.quiet()
    await first_engine.close()
    await world.engine(recover=True)
    await world.quiet()
    await world.tell(run, "approval", "yes", key="b/ask")
    await world.quiet()
    assert [wait.key for wait in (await world.rest(run)).waits] == ["a/act"]
    await world.tell(run, "resolve", {"how": "done", "value": 1, "who": "op", "why": ""}, key="a/act")
    await world.quiet()
    assert (await world.rest(run)).output == ["cut", "done"]
    assert len(calls) == 1
    await world.close()


async def test_what_is_behind_a_shield_is_waited_for_although_its_branch_was_cut_off(world, outside):
    @world.handler()
    async def race(ctx):
        async def waits():
            try:
                await ctx.ask("Me?")
            finally:
                if not ctx.is_over:
                    with ctx.shielded():
                        await ctx.ask("May I tidy up?")

        async def quick():
            return await ctx.effect("act", "", outside.act)

        return await states(ctx, branch(ctx, "a", waits), branch(ctx, "b", quick), enough=first)

    await world.engine()
    run = await world.submit()
    assert [wait.about["question"] for wait in (await world.rest(run)).waits] == ["May I tidy up?"]
    await world.tell(run, "approval", "yes", key="a/ask#2")
    await world.quiet()
    assert (await world.rest(run)).output == ["cut", "done"]
    await world.close()


async def test_what_is_behind_a_shield_is_done_although_its_branch_was_cut_off(world, outside):
    @world.handler()
    async def race(ctx):
        async def waits():
            try:
                await ctx.ask("Me?")
            finally:
                if not ctx.is_over:
                    with ctx.shielded():
                        await ctx.effect("tidy", "", outside.act)

        async def quick():
            return await ctx.effect("act", "", outside.act)

        return await states(ctx, branch(ctx, "a", waits), branch(ctx, "b", quick), enough=first)

    await world.engine()
    ended = await world.run()
    assert ended.output == ["cut", "done"]
    assert len(outside.calls) == 2
    await world.close()


async def test_the_time_is_up_by_the_clock_while_it_works_and_by_a_timer_while_it_waits(world):
    @world.handler()
    async def late(ctx):
        async def works():
            await ctx.effect("read", "", lambda _: asyncio.Event().wait(), effect="read")

        async def waits():
            await ctx.ask("Me?")

        with ctx.scope("hot"):
            hot = await states(ctx, branch(ctx, "a", works), branch(ctx, "b", waits), within_ms=1_000)
        with ctx.scope("cold"):
            cold = await states(ctx, branch(ctx, "a", waits), within_ms=86_400_000)
        return [hot, cold]

    await world.engine(heartbeat_ms=None)
    run = await world.submit()
    await world.quiet()
    await world.pass_time(999)
    assert "settled" not in str(await world.told(run))
    await world.pass_time(1)
    await world.pass_time(86_400_000 - 1)
    assert (await world.row(run)).status == "waiting"
    await world.pass_time(1)
    assert (await world.rest(run)).output == [["cut", "cut"], ["cut"]]
    assert await world.store.timers("ann") == []
    await world.close()


async def test_a_child_run_of_a_branch_that_is_cut_off_is_cancelled_or_never_begins(world, outside):
    @world.handler("child")
    async def child(ctx):
        await ctx.ask("Me?")

    @world.handler()
    async def race(ctx):
        async def quick():
            return await ctx.effect("act", "", outside.act)

        async def slow():
            await ctx.sleep(1_000)

        async def asks():
            return await ctx.run("child", "hi")

        with ctx.scope("one"):
            one = await states(ctx, branch(ctx, "a", asks), branch(ctx, "b", quick), enough=first)
        with ctx.scope("two"):
            two = await states(ctx, branch(ctx, "a", asks), branch(ctx, "b", slow), enough=first)
        return [one, two]

    await world.engine(heartbeat_ms=None)
    run = await world.submit()
    await world.quiet()
    await world.pass_time(1_000)
    assert (await world.rest(run)).output == [["cut", "done"], ["cut", "done"]]
    await world.quiet()
    finished = [event.status for _, event in await world.records(None, "run.finished")]
    assert sorted(finished) == ["cancelled", "done"]
    assert await world.store.mail("ann", 10) == []
    await world.close()


async def test_a_handler_that_undoes_is_executed_once_more_where_its_run_is_cancelled(world, outside):
    @world.handler(undoes=True)
    async def saga(ctx):
        await ctx.effect("act", "", outside.act)
        try:
            await ctx.ask("Go on?")
        except asyncio.CancelledError:
            if ctx.is_cancelling:
                with ctx.shielded():
                    await ctx.effect("undo", "", outside.act)
            raise

    await world.engine()
    run = await world.submit()
    await world.rest(run)
    await world.tell(run, "cancel")
    await world.quiet()
    assert (await world.row(run)).status == "cancelled"
    assert len(outside.calls) == 2
    assert (await world.error(run))["code"] == "run.cancelled"
    told = await world.told(run)
    assert told[-4:] == ["run.resumed", "effect.intended undo", "effect.done undo", "run.finished"]
    await world.close()


async def test_what_a_cancelled_run_waited_for_is_no_answer_to_it_after_a_crash(world):
    acts, stuck = [], asyncio.Event()

    async def undo(key):
        acts.append(key)
        if len(acts) == 1:
            await stuck.wait()

    @world.handler(undoes=True)
    async def saga(ctx):
        try:
            return await ctx.ask("Go on?")
        except asyncio.CancelledError:
            if ctx.is_cancelling:
                with ctx.shielded():
                    await ctx.effect("undo", "", undo, effect="idempotent")
            raise

    engine = await world.engine()
    run = await world.submit()
    await world.rest(run)
    await world.tell(run, "cancel")
    await world.quiet()
    await engine.close()  # in the middle of the undoing
    await world.engine(recover=True)
    await world.tell(run, "approval", "yes", key="ask")
    await world.quiet()
    await world.pass_time(5_000)
    await world.quiet()
    assert (await world.row(run)).status == "cancelled"
    assert len(acts) == 2 and len(set(acts)) == 1
    await world.close()


async def test_a_command_that_was_read_before_it_was_carried_out_is_no_second_one(world, outside):
    @world.handler(undoes=True)
    async def saga(ctx):
        try:
            await ctx.ask("Go on?")
        except asyncio.CancelledError:
            if ctx.is_cancelling:
                with ctx.shielded():
                    await ctx.ask("May I undo it?")
                    await ctx.effect("undo", "", outside.act)
            raise

    engine = await world.engine()
    run = await world.submit()
    await world.rest(run)
    engine.settings = replace(engine.settings, work=False)  # for as long as it takes to read the mail
    await world.tell(run, "cancel")
    holding = engine._held["ann"]
    (item,) = (await read(holding)).commands
    engine.settings = replace(engine.settings, work=True)
    engine.wake("ann")
    await world.quiet()
    await interrupt(holding, item)
    await world.quiet()
    await world.tell(run, "approval", "yes", key="ask#2")
    await world.quiet()
    assert (await world.row(run)).status == "cancelled"
    assert len(outside.calls) == 1
    await world.close()


async def test_what_goes_wrong_with_the_store_ends_all_of_it(world):
    @world.handler()
    async def broken(ctx):
        async def diverges():
            await ctx.effect("act", "", lambda _: asyncio.sleep(0), request=len(asked))
            asked.append(1)
            await ctx.ask("Me?")

        async def waits():
            await ctx.ask("Me?")

        return await states(ctx, branch(ctx, "a", diverges), branch(ctx, "b", waits))

    asked = []
    await world.engine()
    run = await world.submit()
    await world.rest(run)
    await world.crash()
    await world.engine(recover=True)
    await world.tell(run, "approval", "yes", key="b/ask")
    await world.quiet()
    assert (await world.error(run))["code"] == "run.replay_divergence"
    await world.close()
