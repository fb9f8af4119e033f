"""Branches of which some are cut off: who, is decided once and on record."""

from __future__ import annotations

import asyncio

from perdure.base.errors import ToolFailed
from perdure.kernel.contest import never


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
