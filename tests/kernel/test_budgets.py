"""Money: set aside before it is spent, on every scope, to the micro-dollar."""

from __future__ import annotations

from perdure.base.usage import Usage
from perdure.kernel.budgets import (
    DAY_MS,
    BudgetRules,
    Money,
    Pool,
    agent_scopes,
    every,
    period,
    pool_scopes,
    resets_at,
    run_scope,
)
from perdure.kernel.classes import Outcome
from perdure.kernel.store.ops import Reserve, Settle, WithinBudget


def model(cost, usage=True):
    async def call(_):
        return Outcome("answer", Usage(1, 1) if usage else None, cost, "test prices")

    return call


async def spent(world, *scopes):
    return {row.id: (row.reserved, row.spent) for row in await world.store.scopes(scopes)}


def limits(scopes):
    return [(scope.id, scope.limit) for scope in scopes]


def test_scopes_without_a_limit_are_left_out():
    assert limits(run_scope("r1", None) + run_scope("r2", 5)) == [("run:r2", 5)]
    assert limits(agent_scopes("ann")) == []
    assert limits(agent_scopes("ann", per_tick=1, per_day=2)) == [("agent:ann:tick", 1), ("agent:ann:day", 2)]
    assert limits(pool_scopes([Pool("project", None, 7), Pool("tenant:acme", 3)])) == [
        ("project:month", 7),
        ("tenant:acme:day", 3),
    ]


def test_a_scope_says_how_often_it_begins_anew():
    assert [every(id) for id in ("project:day", "tenant:a:month", "agent:a:tick", "run:r", "run:a:day")] == [
        "day",
        "month",
        "tick",
        "run",
        "run",
    ]


def test_periods_follow_the_calendar():
    newyear = 1_767_225_600_000  # 2026-01-01T00:00:00Z
    for now in (newyear, newyear + DAY_MS - 1):
        assert period("month", now) == period("month", newyear - 1) + 1
        assert resets_at("day", now) == newyear + DAY_MS
        assert resets_at("month", now) == newyear + 31 * DAY_MS
    assert resets_at("month", newyear - 1) == newyear
    assert (period("tick", newyear, 9), period("run", newyear, 9)) == (9, 0)
    assert resets_at("tick", newyear) is None and resets_at("run", newyear) is None


def test_without_a_limit_nothing_is_reserved():
    money = Money("run_1", now=lambda: 0, tick=lambda: 0)
    assert (money.is_limited, money.reserve("model", 5), money.take()) == (False, "", ((), ()))


def test_a_threshold_alone_bounds_a_run_and_reserves_nothing():
    money = Money("run_1", (), BudgetRules(approval_threshold=5), now=lambda: 0, tick=lambda: 0)
    assert (money.is_limited, money.reserve("model", 5), money.take()) == (True, "", ((), ()))


def test_a_reservation_has_its_guard_and_is_taken_once():
    money = Money("run_1", run_scope("run_1", 100), now=lambda: 0, tick=lambda: 0)
    first, second = money.reserve("model", 5), money.reserve("model", 6)
    assert first != second
    money.settle(first, 4)
    ops, guards = money.take()
    assert [type(op) for op in ops] == [Reserve, Reserve, Settle]
    assert guards == (WithinBudget(5, money.limits), WithinBudget(6, money.limits))
    assert money.take() == ((), ())


def test_money_counts_in_the_period_that_it_is_reserved_in():
    now, tick = 5 * DAY_MS, 1
    scopes = agent_scopes("ann", per_tick=5, per_day=9)
    money = Money("run_1", scopes, now=lambda: now, tick=lambda: tick)
    assert [scope.period for scope in money.limits] == [1, 5]
    now, tick = now + DAY_MS, 2
    assert [scope.period for scope in money.limits] == [2, 6]


async def test_money_is_set_aside_before_and_settled_after(world):
    inside = {}

    @world.handler(per_run=1_000)
    async def work(ctx):
        scope = f"run:{ctx.run_id}"

        async def call(_):
            inside.update(await spent(world, scope))
            return Outcome("answer", Usage(1, 1), 123)

        assert ctx.is_limited
        await ctx.effect("model", "", call, effect="read", reserve=400)
        return (await spent(world, scope))[scope]

    await world.engine()
    ended = await world.run()
    assert list(inside.values()) == [(400, 0)]
    assert (ended.output, ended.run.cost) == ((0, 123), 123)
    assert await world.told(ended.run) == [
        "run.accepted",
        "budget.reserved model",
        "effect.intended model",
        "effect.done model",
        "budget.settled model",
        "run.finished",
    ]
    await world.close()


async def test_a_call_without_known_usage_counts_as_much_as_was_reserved(world):
    @world.handler(per_run=1_000)
    async def work(ctx):
        await ctx.effect("model", "", model(0, usage=False), effect="read", reserve=400)
        return (await spent(world, f"run:{ctx.run_id}"))[f"run:{ctx.run_id}"]

    await world.engine()
    assert (await world.run()).output == (0, 400)
    await world.close()


async def test_a_failed_call_gives_its_money_back(world):
    async def fail(_):
        raise ValueError("no")

    @world.handler(per_run=1_000)
    async def work(ctx):
        try:
            await ctx.effect("model", "", fail, effect="read", reserve=400)
        except Exception:
            return (await spent(world, f"run:{ctx.run_id}"))[f"run:{ctx.run_id}"]

    await world.engine()
    ended = await world.run()
    assert ended.output == (0, 0)
    assert "budget.released model" in await world.told(ended.run)
    await world.close()


async def test_what_does_not_fit_to_the_last_micro_dollar_is_not_done(world, outside):
    @world.handler(per_run=1_000)
    async def work(ctx):
        await ctx.effect("model", "", model(600), effect="read", reserve=600)
        await ctx.effect("model", "", model(400), effect="read", reserve=400)
        await ctx.effect("model", "", outside.act, effect="read", reserve=1)

    await world.engine()
    ended = await world.run()
    assert (ended.run.status, ended.error["code"]) == ("failed", "budget.exceeded")
    facts = ended.error["facts"]
    assert (facts["scope"], facts["limit"], facts["spent"]) == (f"run:{ended.run.id}", 1_000, 1_000)
    assert (outside.calls, ended.run.cost) == ([], 1_000)
    await world.close()


async def test_calls_side_by_side_never_overspend(world):
    @world.handler(per_run=1_000)
    async def work(ctx):
        async def one():
            try:
                return await ctx.effect("model", "", model(300), effect="read", reserve=300)
            except Exception:
                return None

        return await ctx.gather(*(one() for _ in range(10)))

    await world.engine()
    ended = await world.run()
    assert ended.output.count("answer") == 3
    assert ended.run.cost == 900
    await world.close()


async def test_children_draw_on_their_parents_budget(world):
    @world.handler("child", per_run=10_000)
    async def child(ctx):
        await ctx.effect("model", "", model(400), effect="read", reserve=400)

    @world.handler(per_run=1_000)
    async def parent(ctx):
        results = [await ctx.run("child", number) for number in range(3)]
        return [result.status for result in results], results[-1].error["facts"]["scope"]

    await world.engine()
    ended = await world.run()
    assert ended.output == (["done", "done", "failed"], f"run:{ended.run.id}")
    await world.close()


async def test_an_agents_day_ends_at_midnight(world):
    @world.handler(per_day=1_000)
    async def work(ctx):
        await ctx.effect("model", "", model(800), effect="read", reserve=800)

    await world.engine(poll_ms=3_600_000, heartbeat_ms=None)
    assert (await world.run()).run.status == "done"
    refused = await world.run()
    assert refused.error["facts"]["scope"] == "agent:ann:day"
    assert (await world.run(to="bob")).run.status == "done"  # another agent has its own day
    await world.pass_time(DAY_MS - world.clock.now() % DAY_MS)
    assert (await world.run()).run.status == "done"
    await world.close()


async def test_a_projects_day_is_shared_by_all_agents(world):
    @world.handler()
    async def work(ctx):
        await ctx.effect("model", "", model(600), effect="read", reserve=600)

    await world.engine(pools=(Pool("project", 1_000),))
    assert (await world.run(to="ann")).run.status == "done"
    assert (await world.run(to="bob")).error["facts"]["scope"] == "project:day"
    await world.close()


async def test_a_call_lost_in_a_crash_counts_as_spent_and_none_leaks(world):
    @world.handler(per_run=1_000)
    async def work(ctx):
        await ctx.effect("model", "", model(100), effect="read", reserve=400)
        return (await spent(world, f"run:{ctx.run_id}"))[f"run:{ctx.run_id}"]

    world.crash_at = "effect.acted"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(run)
    assert list(ended.output) == [0, 500]
    assert ended.run.cost == 500
    assert (await world.told(run))[-6:-1] == [
        "budget.settled model",
        "budget.reserved model",
        "effect.intended model",
        "effect.done model",
        "budget.settled model",
    ]
    await world.close()


async def test_a_resume_after_more_money_was_given_goes_on(world):
    @world.handler(per_day=500)
    async def work(ctx):
        await ctx.effect("model", "", model(400), effect="read", reserve=400)
        await ctx.effect("model", "", model(400), effect="read", reserve=400)
        return "done"

    await world.engine(poll_ms=3_600_000, heartbeat_ms=None)
    ended = await world.run()
    assert ended.error["code"] == "budget.exceeded"
    await world.pass_time(DAY_MS)
    await world.tell(ended.run, "resume")
    again = await world.last.rest(ended.run, unlike=ended.run)
    assert (again.run.status, again.run.cost) == ("done", 800)
    await world.close()
