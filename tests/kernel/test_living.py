"""Agents that are told to stop, sleep, wake and end, and agents whose runs fail, over days that pass in no time."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any, TypeAlias

import pytest

from perdure.base.errors import AgentTerminated, BudgetExceeded, EffectFailed
from perdure.kernel import records as r
from perdure.kernel.budgets import DAY_MS
from perdure.kernel.context import Context
from perdure.kernel.life import LifeVerb
from perdure.kernel.living import command
from perdure.kernel.store.rows import RecordFilter
from perdure.kernel.supervision import MINUTE_MS, Supervision

World: TypeAlias = Any


async def told(world: World, do: LifeVerb, to: str = "ann", why: str = "") -> None:
    engine = world.last
    await engine.order(to, command(engine.ids.new("env"), to, do, who="boss", why=why, now=world.clock.now()))


async def status(world: World, id: str = "ann") -> str:
    row = await world.store.load_agent(id)
    assert row is not None
    return str(row.status)


async def changes(world: World) -> list[tuple[str, str]]:
    """(status, who) of each change of an agent's life, in order."""
    return [(event.status, event.who) for _, event in await world.records(None, r.AgentChanged.type)]


async def echo(ctx: Context) -> Any:
    return ctx.envelope.payload


async def test_a_stopped_agent_keeps_its_mail_until_somebody_starts_it(world: World) -> None:
    world.handler()(echo)
    await world.engine(recover=True, heartbeat_ms=None)
    await world.run("one")
    await told(world, "stop", why="maintenance")
    assert await status(world) == "quarantined"
    run = await world.submit("two")
    ended = await world.rest(run)
    assert (ended.run.status, ended.waits[0].kind, ended.waits[0].about["status"]) == ("queued", "start", "quarantined")
    await world.pass_time(7 * DAY_MS)
    assert (await world.row(run)).status == "queued"
    assert await world.store.ready(world.clock.now(), 10) == [], "it costs nobody anything"
    await told(world, "start")
    assert (await world.rest(run)).output == "two"
    assert await changes(world) == [("quarantined", "boss"), ("active", "boss")]
    assert await world.store.verify("ann") == []
    await world.close()


async def test_a_run_under_way_stops_between_two_effects_and_goes_on_where_it_was(world: World, outside: Any) -> None:
    gate = asyncio.Event()

    @world.handler()
    async def work(ctx: Context) -> list[str]:
        async def slow(key: str) -> str:
            await gate.wait()
            return str(await outside.act(key))

        first = await ctx.effect("tool", "first", slow)
        return [first, await ctx.effect("tool", "second", outside.act)]

    await world.engine(recover=True, heartbeat_ms=None)
    run = await world.submit()
    await world.quiet()
    stopping = asyncio.ensure_future(told(world, "stop"))
    await world.quiet()
    gate.set()
    await stopping
    assert len(outside.calls) == 1 and await status(world) == "quarantined"
    assert (await world.rest(run)).waits[0].kind == "start"
    await told(world, "start")
    assert (await world.rest(run)).output == ["done 1", "done 2"]
    await world.close()


async def test_hibernation_leaves_nothing_in_memory_and_state_persists(world: World) -> None:
    @world.handler()
    async def count(ctx: Context) -> int:
        data, _ = ctx.state
        seen = int(data or b"0") + 1
        ctx.set_state(str(seen).encode(), 1)
        if ctx.envelope.payload == "wait":
            await ctx.sleep(DAY_MS)
        return seen

    engine = await world.engine(recover=True, heartbeat_ms=None, linger_ms=10**12)
    await world.run()
    run = await world.submit("wait")
    await world.quiet()
    assert list(engine._held) == ["ann"]
    await told(world, "hibernate")
    assert not engine._held and await status(world) == "dormant"
    await world.pass_time(DAY_MS + 1_000)
    assert (await world.rest(run)).output == 2
    assert await status(world) == "active", "its timer woke it"
    await told(world, "hibernate")
    await world.close()
    await world.engine(recover=True, heartbeat_ms=None)
    assert (await world.run()).output == 3
    assert await status(world) == "active", "mail woke it, in another process"
    await world.close()


async def test_a_terminated_agent_takes_no_mail_and_its_work_ends(world: World) -> None:
    @world.handler()
    async def work(ctx: Context) -> None:
        await ctx.receive(kind="reply")

    world.handler("sender")(lambda ctx: _send(ctx))
    await world.engine(recover=True, heartbeat_ms=None)
    active, queued = await world.submit("one"), await world.submit("two", kind="event")
    await world.quiet()
    await told(world, "terminate", why="no longer needed")
    assert await status(world) == "terminated"
    assert (await world.row(active)).status == (await world.row(queued)).status == "cancelled"
    (letter,) = await world.store.dead_letters("ann")
    assert (letter.envelope_id, letter.reason) == (queued.envelope_id, "terminated")
    with pytest.raises(AgentTerminated):
        await world.submit("three")
    assert [letter.reason for letter in await world.store.dead_letters("ann")] == ["terminated"] * 2
    await world.run(to="bob", spec="sender")
    assert [letter.reason for letter in await world.store.dead_letters("bob")] == ["terminated"]
    await told(world, "start")
    assert await status(world) == "terminated", "there is no way back"
    assert await world.store.mail("ann", 9) == [] and await world.store.timers("ann") == []
    await world.close()


async def _send(ctx: Context) -> None:
    ctx.send("ann", "hello")


async def test_no_agent_commands_another(world: World) -> None:
    world.handler()(echo)

    @world.handler("rogue")
    async def rogue(ctx: Context) -> None:
        ctx.send("ann", {"do": "terminate"}, kind="life")

    await world.engine(recover=True, heartbeat_ms=None)
    await world.run()
    await world.run(to="eve", spec="rogue")
    await world.quiet()
    assert await status(world) == "active"
    (dropped,) = [event for _, event in await world.records(None, "message.dropped")]
    assert dropped.reason == "unknown_run"
    await world.close()


# -- the supervisor ---------------------------------------------------------------------------------------------------


async def test_a_run_that_fails_is_gone_on_with_three_times_then_the_agent_is_quarantined(world: World) -> None:
    tries: list[int] = []

    @world.handler(supervision=Supervision(backoff_ms=10_000))
    async def broken(ctx: Context) -> None:
        tries.append(world.clock.now())
        raise ValueError("no")

    await world.engine(recover=True, heartbeat_ms=None)
    run = await world.submit()
    await world.pass_time(10 * MINUTE_MS)
    assert [after - before for before, after in pairwise(tries)] == [10_000, 20_000, 40_000]
    assert (await world.row(run)).status == "failed"
    assert await status(world) == "quarantined" and await changes(world) == [("quarantined", "supervisor")]
    later = await world.submit("later")
    await world.pass_time(DAY_MS)
    assert (await world.row(later)).status == "queued" and len(tries) == 4
    await told(world, "start")
    await world.quiet()
    assert len(tries) == 5, "a person let it try again"
    await world.close()


async def test_what_was_done_before_the_failure_is_not_done_again(world: World, outside: Any) -> None:
    faults = [OSError("down"), OSError("still down")]

    @world.handler(supervision=Supervision(restart=2))
    async def work(ctx: Context) -> str:
        await ctx.effect("tool", "pay", outside.act)
        if faults:
            raise faults.pop()
        return "paid"

    await world.engine(recover=True, heartbeat_ms=None)
    run = await world.submit()
    await world.pass_time(MINUTE_MS)
    assert (await world.rest(run)).output == "paid" and len(outside.calls) == 1
    assert await status(world) == "active" and await changes(world) == []
    await world.close()


async def test_a_day_s_budget_keeps_the_agent_back_until_midnight(world: World) -> None:
    poor = [BudgetExceeded("no", scope="agent:ann:day")]

    @world.handler(supervision=Supervision())
    async def spend(ctx: Context) -> str:
        if poor:
            raise poor.pop()
        return "spent"

    await world.engine(recover=True, heartbeat_ms=None)
    await world.run()
    assert await status(world) == "quarantined"
    run = await world.submit()
    midnight = (world.clock.now() // DAY_MS + 1) * DAY_MS
    await world.pass_time(midnight - world.clock.now() - 1_000)
    assert (await world.row(run)).status == "queued"
    await world.pass_time(5_000)
    assert (await world.rest(run)).output == "spent"
    assert await changes(world) == [("quarantined", "supervisor"), ("active", "supervisor")]
    assert await world.store.timers("ann") == []
    await world.close()


async def test_somebody_is_told_and_the_agent_loses_what_it_reached(world: World) -> None:
    heard: list[Any] = []
    rules = Supervision(restart=0, then="demote", demote=("/fs/shared",), escalate_to="boss")

    @world.handler(supervision=rules)
    async def broken(ctx: Context) -> None:
        raise EffectFailed("it broke")

    @world.handler("boss")
    async def boss(ctx: Context) -> None:
        heard.append(ctx.envelope)

    engine = await world.engine(recover=True, heartbeat_ms=None)
    lost: list[Any] = []
    engine.demote = lambda agent_id, paths: lost.append((agent_id, paths))
    await world.run(to="boss", spec="boss")
    run = (await world.run()).run
    await world.quiet()
    told_of = heard[-1]
    assert (told_of.kind, told_of.topic, told_of.sender) == ("event", "agent.failed", "ann")
    assert told_of.payload["run_id"] == run.id and told_of.payload["error"]["code"] == "run.effect_failed"
    assert lost == [("ann", ("/fs/shared",))]
    (demoted,) = [event for _, event in await world.records(None, "mount.changed")]
    assert (demoted.path, demoted.access, demoted.who) == ("/fs/shared", "disabled", "supervisor")
    assert await status(world) == "active"
    await world.close()


async def test_nobody_to_tell_is_a_dead_letter(world: World) -> None:
    @world.handler(supervision=Supervision(restart=0, then="terminate", escalate_to="nobody"))
    async def broken(ctx: Context) -> None:
        raise EffectFailed("it broke")

    await world.engine(recover=True, heartbeat_ms=None)
    await world.run()
    assert await status(world) == "terminated"
    (letter,) = await world.store.dead_letters("ann")
    assert letter.reason == "unknown_agent"
    await world.close()


async def test_so_many_runs_begin_in_a_minute_and_the_rest_wait_their_turn(world: World) -> None:
    world.handler(supervision=Supervision(throttle=2))(echo)
    await world.engine(recover=True, heartbeat_ms=None)
    runs = [await world.submit(number) for number in range(5)]

    async def done() -> int:
        return [(await world.row(run)).status for run in runs].count("done")

    await world.quiet()
    assert await done() == 2
    await world.pass_time(MINUTE_MS - 1_000)
    assert await done() == 2
    await world.pass_time(3_000)
    assert await done() == 4
    await world.pass_time(MINUTE_MS + 3_000)
    assert await done() == 5
    assert await world.store.timers("ann") == []
    await world.close()


async def test_an_agent_that_cannot_even_be_created_has_failed(world: World) -> None:
    @world.handler()
    async def broken(ctx: Context) -> None:
        raise ValueError("no")

    await world.engine(recover=True, heartbeat_ms=None)
    await world.run(kind="initialize")
    assert await status(world) == "failed"
    assert len(await world.store.records(RecordFilter("ann", types=("agent.changed",)))) == 1
    await world.close()
