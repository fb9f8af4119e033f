"""What an agent may spend: who agrees to it, what happens where there is no room, who is told, and when it counts."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.clock import settle
from perdure.base.usage import Usage
from perdure.kernel.budgets import DAY_MS, BudgetRules, Pool
from perdure.kernel.classes import Outcome
from perdure.kernel.store.ops import Reserve, SetLimit, Settle

QUIET = {"poll_ms": 3_600_000, "heartbeat_ms": None}


def model(cost, usage=True):
    async def call(_):
        return Outcome("answer", Usage(1, 1) if usage else None, cost, "test prices")

    return call


async def ask(ctx, reserve, cost=None, **more):
    """A model call that may cost `reserve`, and does unless `cost` says otherwise."""
    return await ctx.effect(
        "model", "", model(reserve if cost is None else cost, **more), effect="read", reserve=reserve
    )


async def scope(world, id):
    (row,) = await world.store.scopes([id])
    return row.reserved, row.spent


async def kinds(world, run, *types):
    return [event for _, event in await world.records(run, *types)]


# -- approval ---------------------------------------------------------------------------------------------------------


async def test_a_large_spend_waits_until_somebody_agrees(world):
    @world.handler(spending=BudgetRules(approval_threshold=300), per_run=1_000)
    async def work(ctx):
        return [await ask(ctx, 300), await ask(ctx, 301)]

    await world.engine()
    waiting = await world.run()
    assert (waiting.run.status, waiting.run.waiting_for, waiting.run.cost) == ("waiting", "approval", 300)
    (wait,) = waiting.waits
    assert (wait.about["kind"], wait.about["about"]["amount_microusd"]) == ("budget", 301)
    assert await scope(world, f"run:{waiting.run.id}") == (0, 300)
    await world.tell(waiting.run, "approval", "approve", wait.key, sender="ann")
    ended = await world.last.rest(waiting.run, unlike=waiting.run)
    assert (ended.output, ended.run.cost) == (["answer", "answer"], 601)
    assert [one.approved_by for one in await kinds(world, ended.run, "budget.reserved")] == ["", "ann"]
    await world.close()


async def test_a_spend_that_is_denied_fails_for_good_and_a_resume_asks_again(world, outside):
    @world.handler(spending=BudgetRules(approval_threshold=300))
    async def work(ctx):
        return await ctx.effect("model", "", outside.act, effect="read", reserve=400)

    await world.engine()
    waiting = await world.run()
    await world.tell(waiting.run, "approval", "deny", waiting.waits[0].key, sender="bea")
    ended = await world.last.rest(waiting.run, unlike=waiting.run)
    assert (ended.error["code"], ended.error["facts"]["who"], outside.calls) == ("budget.denied", "bea", [])
    await world.tell(ended.run, "resume")
    again = await world.last.rest(ended.run, unlike=ended.run)
    assert again.run.waiting_for == "approval"
    await world.tell(again.run, "approval", True, again.waits[0].key)
    assert (await world.last.rest(again.run, unlike=again.run)).output == "done 1"
    await world.close()


async def test_only_an_approver_can_agree(world, outside):
    @world.handler(spending=BudgetRules(approval_threshold=0, approvers=("ann", "bea")))
    async def work(ctx):
        return await ctx.effect("model", "", outside.act, effect="read", reserve=1)

    await world.engine()
    waiting = await world.run()
    assert waiting.waits[0].about["about"]["approvers"] == ["ann", "bea"]
    await world.tell(waiting.run, "approval", "approve", waiting.waits[0].key, sender="mallory")
    await world.quiet()
    still = await world.rest(waiting.run)
    assert (still.run.status, outside.calls) == ("waiting", [])
    await world.tell(still.run, "approval", "approve", still.waits[0].key, sender="bea")
    assert (await world.last.rest(still.run, unlike=still.run)).output == "done 1"
    await world.close()


async def test_an_approval_outlives_a_crash_and_is_asked_for_once(world, outside):
    @world.handler(spending=BudgetRules(approval_threshold=300), per_run=1_000)
    async def work(ctx):
        return await ctx.effect("model", "", outside.act, effect="read", reserve=400)

    await world.engine()
    waiting = await world.run()
    world.crash_at = "effect.intended"
    await world.tell(waiting.run, "approval", "approve", waiting.waits[0].key)
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(waiting.run)
    assert (ended.run.status, len(outside.calls)) == ("done", 1)
    assert (await world.told(ended.run)).count("message.received spend#1:model") == 1
    await world.close()


# -- no room ----------------------------------------------------------------------------------------------------------

PATIENT = BudgetRules(on_exceeded="wait")


async def test_a_run_can_wait_for_the_next_day(world):
    @world.handler(per_day=1_000, spending=PATIENT)
    async def work(ctx):
        return [await ask(ctx, 700), await ask(ctx, 700)]

    await world.engine(**QUIET)
    waiting = await world.run()
    assert (waiting.run.status, waiting.run.waiting_for) == ("waiting", "budget")
    (wait,) = waiting.waits
    assert (wait.about["scope"], wait.about["amount_microusd"]) == ("agent:ann:day", 700)
    await world.pass_time(DAY_MS)
    ended = await world.rest(waiting.run)
    assert (ended.run.status, ended.run.cost) == ("done", 1_400)
    assert await scope(world, "agent:ann:day") == (0, 700)
    await world.close()


async def test_a_run_that_waits_goes_on_when_the_budget_is_raised(world):
    @world.handler(per_run=1_000, spending=PATIENT)
    async def work(ctx):
        return [await ask(ctx, 700), await ask(ctx, 1_700)]

    await world.engine()
    waiting = await world.run()
    (wait,) = waiting.waits
    await world.tell(waiting.run, "budget", key=wait.key)
    await world.quiet()
    still = await world.rest(waiting.run)
    assert (still.run.waiting_for, still.waits[0].key) == ("budget", "room#2:model#2")
    await world.store.commit([SetLimit(f"run:{waiting.run.id}", 2_400)])
    await world.tell(still.run, "budget", key=still.waits[0].key)
    assert (await world.last.rest(still.run, unlike=still.run)).run.cost == 2_400
    await world.close()


async def test_a_run_that_waits_for_room_is_found_so_after_a_crash(world):
    @world.handler(per_run=1_000, spending=PATIENT)
    async def work(ctx):
        return await ask(ctx, 1_700)

    await world.engine()
    waiting = await world.run()
    await world.crash()
    await world.store.commit([SetLimit(f"run:{waiting.run.id}", 1_700)])
    await world.engine(recover=True)
    await world.tell(waiting.run, "budget", key=waiting.waits[0].key)
    ended = await world.last.rest(waiting.run, unlike=waiting.run)
    assert (ended.output, ended.run.cost) == ("answer", 1_700)
    await world.close()


async def test_where_money_is_merely_reserved_a_run_looks_again_after_a_while(world):
    @world.handler(spending=PATIENT)
    async def work(ctx):
        async def slow(_):
            await world.clock.sleep(10_000)
            return Outcome("slow", Usage(1, 1), 100)

        return await ctx.gather(ctx.effect("model", "", slow, effect="read", reserve=900), ask(ctx, 300))

    await world.engine(pools=(Pool("project", 1_000),), **QUIET)
    run = await world.submit()
    await world.pass_time(70_000)
    ended = await world.rest(run)
    assert (ended.output, await scope(world, "project:day")) == (["slow", "answer"], (0, 400))
    await world.close()


# -- ticks, days, and everybody above ---------------------------------------------------------------------------------


async def test_a_tick_ends_with_a_wait(world):
    @world.handler(per_tick=1_000)
    async def work(ctx):
        first = [await ask(ctx, 600), await ctx.ask("more?")]
        second = await ask(ctx, 600)
        return [*first, second, await ask(ctx, 600)]

    await world.engine()
    waiting = await world.run()
    await world.tell(waiting.run, "approval", "yes", waiting.waits[0].key)
    ended = await world.last.rest(waiting.run, unlike=waiting.run)
    assert (ended.error["code"], ended.error["facts"]["scope"]) == ("budget.exceeded", "agent:ann:tick")
    assert ended.run.cost == 1_200
    await world.close()


async def test_a_run_that_may_wait_goes_on_in_its_next_tick(world):
    @world.handler(per_tick=1_000, spending=PATIENT)
    async def work(ctx):
        return [await ask(ctx, 600) for _ in range(5)]

    await world.engine(**QUIET)
    run = await world.submit()
    await world.pass_time(3_600_000)
    assert (await world.row(run)).cost == 3_000
    await world.close()


async def test_a_run_that_lasts_over_midnight_counts_on_the_new_day(world):
    @world.handler(per_day=1_000)
    async def work(ctx):
        await ask(ctx, 800)
        await world.clock.sleep(DAY_MS)
        return await ask(ctx, 900)

    await world.engine(**QUIET)
    run = await world.submit()
    await world.pass_time(DAY_MS)
    ended = await world.rest(run)
    assert (ended.output, await scope(world, "agent:ann:day")) == ("answer", (0, 900))
    await world.close()


async def test_a_call_under_way_at_midnight_counts_on_the_day_it_began(world):
    @world.handler(per_day=1_000)
    async def work(ctx):
        async def slow(_):
            await world.clock.sleep(DAY_MS)
            return Outcome("slow", Usage(1, 1), 800)

        return await ctx.gather(ctx.effect("model", "", slow, effect="read", reserve=800), later(ctx))

    async def later(ctx):
        await world.clock.sleep(DAY_MS - 1)
        return await ask(ctx, 900)

    await world.engine(**QUIET)
    run = await world.submit()
    await world.pass_time(DAY_MS)
    assert (await world.rest(run)).output == ["slow", "answer"]
    assert await scope(world, "agent:ann:day") == (0, 900)
    await world.close()


async def test_a_child_draws_on_the_day_of_everybody_above_it(world):
    @world.handler("grandchild", per_day=5_000)
    async def grandchild(ctx):
        return await ask(ctx, 400)

    @world.handler("child")
    async def child(ctx):
        result = await ctx.run("grandchild", "go", agent_id="gwen")
        return result.output if result.error is None else result.error["facts"]["scope"]

    @world.handler(per_day=1_000)
    async def work(ctx):
        return [(await ctx.run("child", number)).output for number in range(3)]

    await world.engine()
    ended = await world.run()
    assert ended.output == ["answer", "answer", "agent:ann:day"]
    assert await scope(world, "agent:gwen:day") == (0, 800)
    await world.close()


async def test_a_month_is_a_budget_too(world):
    @world.handler()
    async def work(ctx):
        return await ask(ctx, 600)

    await world.engine(pools=(Pool("tenant:acme", per_month=1_000), Pool("project", per_day=10_000)), **QUIET)
    assert (await world.run()).output == "answer"
    await world.pass_time(DAY_MS)  # June 16
    assert (await world.run()).error["facts"]["scope"] == "tenant:acme:month"
    assert await scope(world, "project:day") == (0, 600)
    await world.pass_time(15 * DAY_MS)
    assert (await world.run()).output == "answer"
    await world.close()


async def test_fifty_children_at_once_spend_what_their_parent_may(world):
    @world.handler("child")
    async def child(ctx):
        return await ask(ctx, 100, cost=100)

    @world.handler(per_run=750)
    async def work(ctx):
        return [one.status for one in await ctx.gather(*(ctx.run("child", n) for n in range(50)))]

    await world.engine()
    ended = await world.run()
    assert (ended.output.count("done"), ended.output.count("failed")) == (7, 43)
    assert sum(event.spent for event in await kinds(world, None, "budget.settled")) == 700
    await world.close()


# -- warnings ---------------------------------------------------------------------------------------------------------


async def test_one_warning_is_given_of_each_scope_and_period(world):
    @world.handler(per_run=1_000, spending=BudgetRules(warn_at=0.5))
    async def work(ctx):
        for _ in range(5):
            await ask(ctx, 200)

    await world.engine(pools=(Pool("project", 4_000),), **QUIET)
    runs = [(await world.run()).run for _ in range(3)]
    warned = [(event.scope, event.spent, event.limit) for event in await kinds(world, None, "budget.warned")]
    assert warned == [
        (f"run:{runs[0].id}", 600, 1_000),
        (f"run:{runs[1].id}", 600, 1_000),
        ("project:day", 2_000, 4_000),
        (f"run:{runs[2].id}", 600, 1_000),
    ]
    await world.pass_time(DAY_MS)
    for _ in range(2):
        await world.run()
    assert [event.scope for event in await kinds(world, None, "budget.warned")].count("project:day") == 2
    await world.close()


# -- what it came to cost ---------------------------------------------------------------------------------------------


async def test_a_call_that_cost_more_than_was_reserved_is_spent_in_full_and_on_record(world):
    @world.handler(per_run=1_000)
    async def work(ctx):
        await ask(ctx, 300, cost=450)
        assert await scope(world, f"run:{ctx.run_id}") == (0, 450)

    await world.engine()
    ended = await world.run()
    (settled,) = await kinds(world, ended.run, "budget.settled")
    assert (settled.spent, settled.over, ended.run.cost) == (450, 150, 450)
    await world.close()


@pytest.mark.parametrize(("rule", "spent"), [("reserved", 400), ("zero", 0)])
async def test_the_rule_says_what_a_call_of_unknown_usage_counts_for(world, rule, spent):
    @world.handler(per_run=1_000, spending=BudgetRules(unknown_usage=rule))
    async def work(ctx):
        await ask(ctx, 400, cost=0, usage=False)
        return (await scope(world, f"run:{ctx.run_id}"))[1]

    await world.engine()
    ended = await world.run()
    assert (ended.output, ended.run.cost) == (spent, spent)
    await world.close()


@pytest.mark.parametrize(("rule", "spent"), [("reserved", 400), ("zero", 0)])
async def test_and_what_one_counts_for_that_was_lost_in_a_crash(world, rule, spent):
    @world.handler(per_day=1_000, spending=BudgetRules(unknown_usage=rule))
    async def work(ctx):
        await ask(ctx, 400, cost=100)

    world.crash_at = "effect.acted"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(run)
    assert (ended.run.cost, await scope(world, "agent:ann:day")) == (spent + 100, (0, spent + 100))
    await world.close()


async def test_a_lost_call_is_settled_before_there_is_no_room_for_the_next(world):
    @world.handler(per_run=700)
    async def work(ctx):
        await ask(ctx, 400, cost=100)

    world.crash_at = "effect.acted"
    await world.engine()
    run = await world.submit()
    await world.quiet()
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(run)
    assert (ended.error["code"], ended.run.cost) == ("budget.exceeded", 400)
    assert await scope(world, f"run:{run.id}") == (0, 400)
    await world.close()


async def test_a_call_under_way_at_a_checkpoint_is_not_forgotten(world):
    @world.handler(per_day=1_000)
    async def work(ctx):
        async def never(_):
            await world.clock.sleep(3_600_000)

        async def closes():
            await world.clock.sleep(1)
            await ctx.checkpoint("closed")

        if ctx.restored is None:
            await ctx.gather(ctx.effect("model", "", never, effect="read", reserve=400), closes())
        return ctx.restored

    await world.engine()
    run = await world.submit()
    await world.pass_time(10)
    assert await scope(world, "agent:ann:day") == (400, 0)
    await world.crash()
    await world.engine(recover=True)
    await world.quiet()
    ended = await world.rest(run)
    assert (ended.output, ended.run.cost) == ("closed", 400)
    assert await scope(world, "agent:ann:day") == (0, 400)
    await world.close()


@pytest.mark.parametrize("cut", [Reserve, Settle])
async def test_a_run_that_is_cancelled_while_money_is_written_leaves_none_behind(world, cut):
    """The disk takes its time over the commit that reserves, or settles; meanwhile the run is cancelled."""
    commit = world.store.commit

    def slowly(ops, guards=()):
        written = commit(ops, guards)
        if not any(isinstance(op, cut) for op in ops):
            return written

        async def later():
            await settle(300)
            return await written

        return asyncio.ensure_future(later())

    @world.handler(per_day=1_000)
    async def work(ctx):
        world.store.commit = slowly
        await ask(ctx, 400, cost=100)

    await world.engine(**QUIET)
    run = await world.submit()
    await settle(50)
    world.store.commit = commit
    await world.tell(run, "cancel")
    ended = await world.rest(run)
    spent = 400 if cut is Reserve else 100
    assert (ended.run.status, ended.run.cost) == ("cancelled", spent)
    assert await scope(world, "agent:ann:day") == (0, spent)
    assert [event.spent for event in await kinds(world, run, "budget.settled")] == [spent]
    await world.close()


# -- afterwards -------------------------------------------------------------------------------------------------------


async def test_the_scope_of_a_run_that_is_done_is_gone_and_that_of_a_failed_one_stays(world):
    @world.handler("child", per_run=500)
    async def child(ctx):
        await ask(ctx, 400)

    @world.handler(per_run=1_000)
    async def work(ctx):
        await ctx.run("child", 1)
        if ctx.envelope.payload == "fail":
            await ask(ctx, 700)

    await world.engine()
    assert (await world.run()).run.status == "done"
    assert (await world.store.scopes_like("run:")).items == []
    failed = await world.run("fail")
    assert failed.error["code"] == "budget.exceeded"
    assert [(row.id, row.spent) for row in (await world.store.scopes_like("run:")).items] == [
        (f"run:{failed.run.id}", 400)
    ]
    await world.store.commit([SetLimit(f"run:{failed.run.id}", 1_100)])
    await world.tell(failed.run, "resume")
    again = await world.last.rest(failed.run, unlike=failed.run)
    assert (again.run.status, again.run.cost) == ("done", 700)
    assert (await world.store.scopes_like("run:")).items == []
    await world.close()


async def test_a_cancelled_parent_keeps_its_scope_until_its_children_have_ended(world):
    @world.handler("child", per_run=500)
    async def child(ctx):
        await ask(ctx, 400)
        await ctx.sleep(1_000)

    @world.handler(per_run=1_000)
    async def work(ctx):
        await ctx.run("child", 1)

    await world.engine(**QUIET)
    run = await world.submit()
    await world.quiet()
    assert len((await world.store.scopes_like("run:")).items) == 2
    await world.tell(run, "cancel")
    await world.quiet()
    assert (await world.row(run)).status == "cancelled"
    assert (await world.store.scopes_like("run:")).items == []
    await world.close()


async def test_without_a_budget_nothing_is_written_for_money(world):
    commits = []
    commit = world.store.commit
    world.store.commit = lambda ops, guards=(): commits.append(ops) or commit(ops, guards)

    @world.handler()
    async def work(ctx):
        before = len(commits)
        await ask(ctx, 0)
        return len(commits) - before

    await world.engine(**QUIET)
    ended = await world.run()
    assert ended.output == 1
    assert await world.told(ended.run) == ["run.accepted", "effect.done model", "run.finished"]
    await world.close()
