"""Agents that ask each other: requests that are waited for, tasks that are given away, and mail that reaches nobody."""

from __future__ import annotations

import pytest

from perdure.base.codec import unpack_as
from perdure.base.envelope import MAX_HOPS, Envelope
from perdure.base.errors import AgentNotFound, EffectFailed
from perdure.kernel.program import Program


async def there(world, agent: str, handle, **rules) -> None:
    """Let an agent be there that does this."""
    world.shelf.programs[agent] = Program(handle, **rules)
    await world.run(to=agent, spec=agent, payload="be there")


def asks(world, to: str = "bob", payload: object = 2, **options):
    @world.handler()
    async def work(ctx):
        try:
            return await ctx.ask_agent(to, payload, **options)
        except (AgentNotFound, EffectFailed) as error:
            return error.as_dict()


async def double(ctx):
    return ctx.envelope.payload * 2


async def test_the_output_of_the_run_that_a_request_begins_is_the_answer(world):
    asks(world)
    await world.engine()
    await there(world, "bob", double)
    ended = await world.run()
    assert (ended.run.status, ended.output) == ("done", 4)
    assert await world.told(ended.run) == [
        "run.accepted",
        "message.sent ask:bob",
        "run.waiting",
        "message.received ask:bob/answer",
        "run.finished",
    ]
    await world.close()


async def test_what_is_handed_to_reply_answers_before_the_run_ends_and_counts(world):
    async def promise(ctx):
        if ctx.envelope.kind == "request":
            ctx.reply("at once")
            await ctx.sleep(60_000)
        return "much later"

    asks(world)
    await world.engine()
    await there(world, "bob", promise)
    assert (await world.run()).output == "at once"
    await world.pass_time(61_000)
    assert not await world.store.mail("ann", 10)
    assert (await world.run()).output == "at once"
    await world.close()


async def test_an_answer_that_does_not_come_in_time_is_none_and_disturbs_nobody_later(world):
    async def slow(ctx):
        if ctx.envelope.kind == "request":
            await ctx.sleep(60_000)

    asks(world, timeout_ms=1_000)
    await world.engine()
    await there(world, "bob", slow)
    run = await world.submit()
    await world.pass_time(1_001)
    ended = await world.rest(run)
    assert (ended.run.status, ended.output) == ("done", None)
    await world.pass_time(60_000)
    assert len(await world.records(None, "run.accepted")) == 3  # bob twice, ann once: a late answer begins no run
    assert [event.reason for _, event in await world.records(None, "message.dropped")] == ["unknown_run"]
    await world.close()


async def test_a_request_that_is_too_old_is_not_worked_any_more(world):
    async def busy(ctx):
        await ctx.sleep(5_000)
        return ctx.envelope.payload

    asks(world, timeout_ms=1_000)
    world.shelf.programs["busy"] = Program(busy)
    await world.engine()
    await world.submit(to="bob", spec="busy")
    await world.quiet()
    run = await world.submit()
    await world.pass_time(6_000)
    assert (await world.rest(run)).output is None
    assert [event.reason for _, event in await world.records(None, "message.dropped")] == ["expired"]
    await world.close()


async def test_who_asks_somebody_who_is_not_there_is_told_at_once(world):
    asks(world, to="nobody")
    await world.engine()
    ended = await world.run()
    assert ended.output["code"] == "agent.not_found"
    assert ended.output["facts"] == {"agent_id": "nobody"}
    (letter,) = await world.store.dead_letters("ann")
    assert letter.reason == "unknown_agent"
    await world.close()


async def test_who_asks_a_run_that_fails_is_told_why(world):
    async def fail(ctx):
        if ctx.envelope.kind == "request":
            raise ValueError("no idea")

    asks(world)
    await world.engine()
    await there(world, "bob", fail)
    ended = await world.run()
    assert (ended.output["code"], "no idea" in ended.output["message"]) == ("run.effect_failed", True)
    await world.close()


async def test_an_agent_cannot_wait_for_itself(world):
    asks(world, to="ann")
    await world.engine()
    ended = await world.run()
    assert (ended.run.status, ended.error["code"]) == ("failed", "input.invalid")
    await world.close()


@pytest.mark.parametrize("point", ["tick.before_commit", "tick.after_commit"])
async def test_a_request_over_a_crash_is_worked_once(world, point):
    worked = []

    async def work(ctx):
        if ctx.envelope.kind == "request":
            worked.append(ctx.envelope.id)
        return ctx.envelope.payload

    asks(world)
    await world.engine()
    await there(world, "bob", work)
    world.crash_at = point
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.pass_time(5_000)
    ended = await world.rest(run)
    assert (ended.output, len(worked)) == (2, 1)
    await world.close()


async def test_a_request_is_answered_by_another_process(world):
    """The asker lives in one engine, the asked in another; both see only the store."""
    asks(world)
    await world.engine()
    await there(world, "bob", double)
    await world.close()
    asker = await world.engine()
    answerer = await world.engine(recover=True)
    envelope = Envelope(asker.ids.new("env"), "ann", payload="hi")
    found = answerer.find_work
    answerer.find_work = lambda agent: found(agent) if agent == "bob" else None  # ann belongs to the other one
    asker.wake = (lambda wake: lambda agent: wake(agent) if agent == "ann" else None)(asker.wake)
    run = await asker.submit(envelope, "spec", b"spec", world.shelf.programs["spec"])
    for _ in range(20):
        await world.pass_time(500)
        asker.wake("ann")
    assert (await asker.rest(run)).output == 4
    await world.close()


async def test_the_end_of_a_task_comes_back_as_a_message(world):
    heard = []

    @world.handler()
    async def work(ctx):
        if ctx.envelope.payload == "hi":
            return ctx.delegate("bob", 21)
        heard.append(ctx.envelope)

    await world.engine()
    await there(world, "bob", double)
    given = (await world.run()).output
    await world.quiet()
    (message,) = heard
    assert (message.kind, message.sender, message.correlation) == ("message", "bob", given)
    assert (message.payload["status"], message.payload["output"]) == ("done", 42)
    await world.close()


async def test_a_run_can_wait_for_the_end_of_the_task_that_it_gave_away(world):
    @world.handler()
    async def work(ctx):
        tasks = [ctx.delegate("bob", number) for number in (1, 2, 3)]
        results = [await ctx.receive(correlation=task) for task in reversed(tasks)]
        return [result.payload["output"] for result in results]

    await world.engine()
    await there(world, "bob", double)
    assert (await world.run()).output == [6, 4, 2]
    await world.close()


async def test_a_reply_to_a_plain_message_is_a_message(world):
    heard = []

    async def echo(ctx):
        if ctx.envelope.sender:
            ctx.reply(ctx.envelope.payload)

    @world.handler()
    async def work(ctx):
        if ctx.envelope.payload == "hi":
            return ctx.send("bob", "well?")
        heard.append(ctx.envelope)

    await world.engine()
    await there(world, "bob", echo)
    sent = (await world.run()).output
    await world.quiet()
    assert [(one.payload, one.sender, one.correlation) for one in heard] == [("well?", "bob", sent)]
    await world.close()


async def test_two_that_answer_each_other_for_ever_come_to_an_end(world):
    async def ping(ctx):
        if ctx.envelope.payload == "ball":
            ctx.send("bob" if ctx.agent_id == "ann" else "ann", "ball")

    world.handler()(ping)
    await world.engine()
    await there(world, "bob", ping)
    await world.run("ball")
    for _ in range(MAX_HOPS):
        await world.quiet()
    dropped = [event.reason for _, event in await world.records(None, "message.dropped")]
    letters = [*await world.store.dead_letters("ann"), *await world.store.dead_letters("bob")]
    assert dropped == ["hops"]
    assert [(one.reason, unpack_as(one.data, Envelope).hops) for one in letters] == [("hops", MAX_HOPS + 1)]
    await world.close()
