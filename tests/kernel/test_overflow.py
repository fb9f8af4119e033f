"""A full inbox: what the policy says happens, and nothing disappears without a word."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.codec import pack, unpack
from perdure.base.envelope import Envelope
from perdure.base.errors import InboxFull
from perdure.kernel.store.ops import Acknowledge, Deliver


async def fill(world, policy, capacity=2):
    """An agent that is busy, with `capacity` messages waiting for it."""

    @world.handler(capacity=capacity, policy=policy)
    async def work(ctx):
        if ctx.envelope.payload == "busy":
            await ctx.sleep(1_000)
        return ctx.envelope.payload

    await world.engine()
    await world.submit("busy")
    await world.quiet()
    return [await world.submit(number) for number in range(capacity)]


async def test_reject_new_refuses_and_writes_nothing(world):
    await fill(world, "reject_new")
    before = await world.records()
    with pytest.raises(InboxFull):
        await world.submit("too much", id="env_x")
    assert len(await world.records()) == len(before)
    assert await world.store.find_run("ann", "env_x") is None
    await world.close()


async def test_dead_letter_fails_the_newcomer_on_record(world):
    waiting = await fill(world, "dead_letter")
    ended = await world.run("too much", id="env_x")

    assert (ended.run.status, ended.error["code"]) == ("failed", "inbox.full")
    assert (await world.last.ended(ended.run)).error == ended.error
    assert await world.told(ended.run) == ["run.accepted", "message.dropped", "run.finished"]
    (letter,) = await world.store.dead_letters("ann")
    assert (letter.envelope_id, letter.reason, unpack(letter.data)["payload"]) == ("env_x", "overflow", "too much")
    assert (await world.submit("too much", id="env_x")).id == ended.run.id

    await world.pass_time(2_000)
    assert [(await world.row(run)).status for run in waiting] == ["done", "done"]
    await world.close()


async def test_drop_oldest_fails_the_one_that_waited_longest(world):
    first, second = await fill(world, "drop_oldest")
    newcomer = await world.submit("new")

    assert (await world.row(newcomer)).status == "queued"
    assert (await world.rest(first)).error["code"] == "inbox.full"
    assert [letter.envelope_id for letter in await world.store.dead_letters("ann")] == [first.envelope_id]
    await world.pass_time(2_000)
    assert [(await world.row(run)).status for run in (first, second, newcomer)] == ["failed", "done", "done"]
    assert await world.store.verify("ann") == []
    await world.close()


async def test_who_waits_for_a_run_that_is_dropped_is_told(world):
    first, _ = await fill(world, "drop_oldest")
    waiting = asyncio.create_task(world.rest(first))
    await world.quiet()
    assert not waiting.done()
    await world.submit("new")
    assert (await waiting).run.status == "failed"
    await world.close()


async def test_drop_oldest_turns_the_newcomer_away_where_nothing_can_be_dropped(world):
    await fill(world, "drop_oldest", capacity=1)
    (waiting,) = (await world.store.mail("ann", 10))[:1]
    await world.store.commit([Acknowledge("ann", (waiting.envelope_id,))])
    await world.store.commit([deliver(world, "ann", "env_mail")])
    ended = await world.run("new")
    assert ended.error["code"] == "inbox.full"
    await world.close()


def deliver(world, to, id):
    return Deliver(to, id, "message", pack(Envelope(id, to, sender="bob")), world.clock.now())


async def test_a_parent_hears_that_its_child_was_dropped(world):
    @world.handler("child", capacity=1, policy="drop_oldest")
    async def child(ctx):
        await ctx.sleep(1_000)

    @world.handler()
    async def parent(ctx):
        result = await ctx.run("child", None, agent_id="kid")
        return result.status, result.error["code"]

    await world.engine()
    await world.submit(to="kid", spec="child")
    await world.quiet()
    run = await world.submit()
    await world.quiet()
    await world.submit(to="kid", spec="child")
    assert (await world.rest(run)).output == ("failed", "inbox.full")
    await world.close()


async def test_answers_always_have_room(world):
    @world.handler(capacity=1, policy="reject_new")
    async def work(ctx):
        return await ctx.ask("?")

    await world.engine()
    run = (await world.run()).run
    await world.submit("next")
    await world.tell(run, "approval", "yes", "ask")
    assert (await world.rest(run)).output == "yes"
    await world.close()


async def test_mail_of_other_agents_is_bounded_too(world, monkeypatch):
    monkeypatch.setattr("perdure.kernel.post.CAPACITY", 2)

    @world.handler("listener")
    async def listen(ctx):
        await ctx.sleep(1_000)

    @world.handler()
    async def talk(ctx):
        for number in range(4):
            ctx.send("ear", number)

    await world.engine()
    await world.submit(to="ear", spec="listener")
    await world.quiet()
    await world.run()
    assert len(await world.store.mail("ear", 10)) == 2
    assert len(await world.store.dead_letters("ear")) == 2
    await world.close()
