"""Which trace a run says that it is part of, to whatever it asks."""

from __future__ import annotations

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.traceparent import outgoing, span_of_run
from perdure.kernel.effect import idempotency_key

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
SAID = f"00-{TRACE}-{SPAN}-01"


async def test_an_effect_is_the_span_that_asks(world):
    said = []

    @world.handler()
    async def work(ctx):
        async def act(key):
            said.append((ctx.traceparent, key))

        async def one(name):
            await ctx.effect("act", name, act)

        await ctx.gather(one("a"), one("b"))
        await one("c")

    await world.engine()
    run = await world.submit(traceparent=SAID)
    await world.rest(run)
    assert [traceparent for traceparent, _ in said] == [f"00-{TRACE}-{key[:16]}-01" for _, key in said]
    assert {key for _, key in said} == {
        idempotency_key(run.id, key) for key in ("gather/1/act:a", "gather/2/act:b", "act:c")
    }
    await world.close()


async def test_what_other_systems_say_goes_with_it_and_nowhere_else(world):
    said = []

    @world.handler("child")
    async def child(ctx):
        async def act(key):
            said.append(outgoing())

        await ctx.effect("act", "", act)
        return ctx.envelope.tracestate

    @world.handler()
    async def work(ctx):
        async def act(key):
            assert ctx.tracestate == "rojo=1"

        await ctx.effect("act", "", act)
        return (await ctx.run("child", "go")).output

    await world.engine()
    run = await world.submit(traceparent=SAID, tracestate="rojo=1")
    assert (await world.rest(run)).output == "rojo=1"
    await world.run(spec="child", to="other")
    first, other = said
    assert first["traceparent"].startswith(f"00-{TRACE}-") and first["tracestate"] == "rojo=1"
    assert other == {}
    await world.close()


async def test_child_runs_and_messages_carry_the_trace_further(world):
    @world.handler("child")
    async def child(ctx):
        return ctx.envelope.traceparent

    @world.handler()
    async def work(ctx):
        ctx.send("bob", "hello")
        return (await ctx.run("child", "go")).output

    @world.handler("bob")
    async def bob(ctx):
        pass

    await world.engine()
    await world.run(to="bob", spec="bob")
    run = await world.submit(traceparent=SAID)
    assert (await world.rest(run)).output == f"00-{TRACE}-{span_of_run(run.id)}-01"
    await world.quiet()
    accepted = [event for _, event in await world.records(None, "run.accepted")]
    hello = [unpack_as(event.body, Envelope) for event in accepted]
    (carried,) = (envelope.traceparent for envelope in hello if envelope.payload == "hello")
    assert carried == f"00-{TRACE}-{span_of_run(run.id)}-01"
    await world.close()


async def test_a_run_of_its_own_has_a_trace_only_where_runs_are_traced(world):
    said = []

    @world.handler()
    async def work(ctx):
        async def act(key):
            said.append(ctx.traceparent)

        await ctx.effect("act", "", act)

    await world.engine()
    await world.run()
    await world.close()
    await world.engine(traced=True)
    run = await world.submit(to="bob")
    await world.rest(run)
    await world.run(to="cid", traceparent="nonsense")
    assert said[0] == ""
    assert said[1].startswith(f"00-{run.id.removeprefix('run_')}-")
    assert said[2].startswith("00-") and "nonsense" not in said[2]
    await world.close()


async def test_a_run_begun_inside_another_does_not_take_its_trace(world):
    said = []

    @world.handler("inner")
    async def inner(ctx):
        async def act(key):
            said.append(ctx.traceparent)

        await ctx.effect("act", "", act)

    @world.handler()
    async def outer(ctx):
        async def act(key):
            await world.rest(await world.submit(to="bob", spec="inner"))

        await ctx.effect("act", "", act)

    await world.engine()
    await world.run(traceparent=SAID)
    assert said == [""]
    await world.close()
