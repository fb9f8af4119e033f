"""Listening to runs: what is heard is on disk, and costs nothing when nobody listens."""

from __future__ import annotations

from perdure.kernel.live import Live
from perdure.kernel.store.ops import Claim


def test_a_listener_hears_its_run_and_one_to_all_hears_every():
    live = Live()
    assert not live.watched("run_1")
    with live.listen("run_1") as one, live.listen() as every:
        assert live.watched("run_1") and live.watched("run_2")
        live.publish("run_1", "a")
        live.publish("run_2", "b")
        assert [one.get_nowait()] == [("run_1", "a")] and one.empty()
        assert [every.get_nowait(), every.get_nowait()] == [("run_1", "a"), ("run_2", "b")]
    assert not live.watched("run_1")
    live.publish("run_1", "nobody hears it")


def test_two_listeners_of_one_run_do_not_disturb_each_other():
    live = Live()
    with live.listen("run_1") as one:
        with live.listen("run_1") as other:
            live.publish("run_1", 1)
            assert (one.get_nowait(), other.get_nowait()) == (("run_1", 1), ("run_1", 1))
        live.publish("run_1", 2)
        assert one.get_nowait() == ("run_1", 2)


async def test_what_a_run_writes_and_says_is_heard_in_order(world):
    @world.handler()
    async def work(ctx):
        await ctx.ask("?")
        assert ctx.watched
        ctx.emit("halfway")
        return "done"

    engine = await world.engine()
    run = (await world.run()).run
    with engine.live.listen(run.id) as queue:
        await world.tell(run, "approval", "yes", "ask")
        await engine.rest(run, person=False)
        await world.quiet()
        heard = [queue.get_nowait()[1] for _ in range(queue.qsize())]
    assert [item if isinstance(item, str) else item.type for item in heard] == [
        "message.received",
        "halfway",
        "run.finished",
    ]
    await world.close()


async def test_what_was_not_written_is_not_heard(world):
    @world.handler()
    async def work(ctx):
        await ctx.effect("io", "", lambda _: take_over(ctx), effect="read")

    async def take_over(ctx):
        await world.store.commit([Claim("ann", "somebody else")])

    engine = await world.engine()
    with engine.live.listen() as queue:
        await world.submit()
        await world.quiet()
        assert queue.empty()
    await world.close()
