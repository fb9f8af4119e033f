"""An agent in the middle of a run goes to another store, and goes on there."""

from __future__ import annotations

from perdure.base.codec import pack, unpack_as
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import NoAgent, Restore
from perdure.kernel.store.snapshot import Snapshot
from perdure.kernel.store.sqlite import SqliteStore


async def test_a_run_that_waits_goes_on_in_another_store_and_repeats_nothing(world, outside, tmp_path):
    @world.handler()
    async def work(ctx):
        if ctx.restored is None:
            await ctx.effect("tool", "first", outside.act, effect="once")
            await ctx.checkpoint("first is done")
        await ctx.effect("tool", "second", outside.act, effect="once")
        answer = await ctx.ask("go on?")
        return [answer, await ctx.effect("tool", "third", outside.act, effect="once")]

    @world.handler("other")
    async def other(ctx):
        return await ctx.effect("tool", "other", outside.act)

    await world.engine()
    run = (await world.run()).run
    assert (await world.row(run)).status == "waiting" and len(outside.calls) == 2
    await world.close()
    written = pack(await world.store.snapshot("ann"))

    home = world.store
    world.store = SqliteStore.open(tmp_path / "store.db")
    await world.engine()
    await world.run(to="eve", spec="other")  # this store numbers its records differently
    await world.store.commit([Restore(unpack_as(written, Snapshot))], [NoAgent("ann")])
    assert await world.store.verify("ann") == []
    assert (await world.store.load_agent("ann")).head == (await home.load_agent("ann")).head

    waiting = await world.row(run)
    assert waiting.checkpoint_seq not in (0, run.checkpoint_seq)
    await world.tell(run, "approval", "yes", "ask")
    ended = await world.last.rest(waiting, unlike=waiting)
    assert (ended.run.status, ended.output) == ("done", ["yes", "done 4"])
    assert len(outside.calls) == len(set(outside.calls)) == 4
    assert await world.store.verify("ann") == []
    await world.close()
    await world.store.close()


async def test_the_envelopes_of_a_moved_agent_are_still_known(world):
    @world.handler()
    async def work(ctx):
        return ctx.envelope.payload

    await world.engine()
    await world.run("hi", id="env_1")
    await world.close()
    taken = await world.store.snapshot("ann")
    world.store = MemoryStore()
    await world.engine()
    await world.store.commit([Restore(taken)])
    again = await world.run("changed", id="env_1")
    assert again.output == "hi" and len(await world.records(None, "run.accepted")) == 1
    await world.close()
