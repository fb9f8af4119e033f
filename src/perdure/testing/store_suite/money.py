"""Money: limits on every scope, reservations, periods."""

from __future__ import annotations

from perdure.base.errors import BudgetExceeded, KeyExists
from perdure.kernel.store.ops import (
    DeleteAgent,
    DeleteRun,
    MarkWarned,
    NotWarned,
    Reserve,
    Retire,
    ScopeLimit,
    SetLimit,
    Settle,
    WithinBudget,
)
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import ScopeRow

from .samples import OpenStore, agent, opened, refused, run

RUN, DAY = ScopeLimit("run", 100), ScopeLimit("day", 150, period=7)


async def _reserve(store: Store, id: str, amount: int, *scopes: ScopeLimit) -> None:
    await store.commit([Reserve(id, "r1", amount, scopes)], [WithinBudget(amount, scopes)])


class Money:
    async def test_a_reservation_becomes_spent_and_gives_the_rest_back(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _reserve(store, "one", 60, RUN, DAY)
            assert await store.scopes(["day", "none", "run"]) == [
                ScopeRow("day", 150, 60, 0, 7),
                ScopeRow("run", 100, 60, 0, 0),
            ]
            settled = [ScopeRow("run", 100, 0, 25, 0), ScopeRow("day", 150, 0, 25, 7)]
            assert await store.commit([Settle("one", 25), Settle("one", 25), Settle("none", 1)]) == [settled, [], []]
            assert await store.scopes(["run", "day"]) == [
                ScopeRow("run", 100, 0, 25, 0),
                ScopeRow("day", 150, 0, 25, 7),
            ]

    async def test_the_first_scope_without_room_is_named(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _reserve(store, "one", 90, RUN, DAY)
            other = ScopeLimit("other run", 100)
            error = await refused(BudgetExceeded, store.commit([agent()], [WithinBudget(61, (other, DAY))]))
            assert error.facts == {"scope": "day", "limit": 150, "reserved": 90, "spent": 0, "amount": 61}
            assert await store.load_agent("a") is None
            await _reserve(store, "two", 60, other, DAY)
            await refused(BudgetExceeded, store.commit([], [WithinBudget(1, (DAY,))]))

    async def test_a_scope_without_limit_only_counts(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _reserve(store, "one", 10**12, ScopeLimit("s", None))
            assert await store.scopes(["s"]) == [ScopeRow("s", None, 10**12, 0, 0)]

    async def test_the_limit_is_the_one_named_last(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _reserve(store, "one", 100, RUN)
            await _reserve(store, "two", 50, ScopeLimit("run", 200))
            assert await store.scopes(["run"]) == [ScopeRow("run", 200, 150, 0, 0)]

    async def test_reserving_or_naming_a_scope_twice_counts_once(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _reserve(store, "one", 10, RUN, RUN)
            await _reserve(store, "one", 10, RUN)
            assert await store.scopes(["run"]) == [ScopeRow("run", 100, 10, 0, 0)]

    async def test_a_new_period_begins_with_nothing_spent(self, open_store: OpenStore) -> None:
        tomorrow = ScopeLimit("day", 150, period=8)
        async with opened(open_store) as store:
            await _reserve(store, "spent", 100, DAY)
            await store.commit([Settle("spent", 100)])
            await _reserve(store, "open", 50, DAY)
            await _reserve(store, "new", 150, tomorrow)
            assert await store.scopes(["day"]) == [ScopeRow("day", 150, 150, 0, 8)]
            await store.commit([Settle("open", 50)])
            assert await store.scopes(["day"]) == [ScopeRow("day", 150, 150, 0, 8)], "that was yesterday's money"
            await refused(BudgetExceeded, store.commit([], [WithinBudget(1, (DAY,))]))
            await store.commit([Settle("new", 1)])
            await _reserve(store, "late", 1, DAY)
            assert await store.scopes(["day"]) == [ScopeRow("day", 150, 1, 1, 8)]
            await store.commit([Settle("late", 0)])
            assert await store.scopes(["day"]) == [ScopeRow("day", 150, 0, 1, 8)]

    async def test_scopes_are_listed_by_prefix_in_pages(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            for id in ("run:3", "run:1", "run:2", "agent:a:day", "run", "run;"):
                await _reserve(store, id, 1, ScopeLimit(id, 10))
            first = await store.scopes_like("run:", limit=2)
            second = await store.scopes_like("run:", limit=2, cursor=first.next)
            assert first.items == [ScopeRow("run:1", 10, 1, 0, 0), ScopeRow("run:2", 10, 1, 0, 0)]
            assert [row.id for row in second.items] == ["run:3"] and second.next == ""
            assert len((await store.scopes_like("")).items) == 6

    async def test_a_call_may_cost_more_than_was_reserved(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _reserve(store, "one", 60, RUN)
            assert await store.commit([Settle("one", 130)]) == [[ScopeRow("run", 100, 0, 130, 0)]]
            await refused(BudgetExceeded, store.commit([], [WithinBudget(0, (RUN,))]))

    async def test_a_limit_that_a_person_sets_goes_first_until_it_is_taken_back(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([SetLimit("day", 30)])
            error = await refused(BudgetExceeded, store.commit([], [WithinBudget(31, (DAY,))]))
            assert error.facts["limit"] == 30
            await _reserve(store, "one", 30, DAY)
            await store.commit([SetLimit("day", 200)])
            await _reserve(store, "two", 150, DAY)
            assert await store.scopes(["day"]) == [ScopeRow("day", 150, 180, 0, 7, 200)]
            await _reserve(store, "next", 200, ScopeLimit("day", 150, period=8))
            await store.commit([SetLimit("day", None)])
            await refused(BudgetExceeded, store.commit([], [WithinBudget(0, (ScopeLimit("day", 150, period=8),))]))

    async def test_of_all_who_see_a_scope_run_low_one_warns(self, open_store: OpenStore) -> None:
        warn = [MarkWarned("day", 7)], [NotWarned("day", 7)]
        async with opened(open_store) as store:
            await refused(KeyExists, store.commit(*warn))
            await _reserve(store, "one", 1, DAY)
            await store.commit(*warn)
            await refused(KeyExists, store.commit(*warn))
            await store.commit([SetLimit("day", 500)])
            await store.commit(*warn)
            await _reserve(store, "two", 1, ScopeLimit("day", 150, period=8))
            await refused(KeyExists, store.commit(*warn))
            await store.commit([MarkWarned("day", 8)], [NotWarned("day", 8)])
            assert [row.warned for row in await store.scopes(["day"])] == [8]

    async def test_the_scope_of_a_run_goes_when_nobody_can_draw_on_it(self, open_store: OpenStore) -> None:
        async def left() -> list[str]:
            return [row.id for row in (await store.scopes_like("run:")).items]

        parent, child = ScopeLimit("run:top", 100), ScopeLimit("run:child", 50)
        async with opened(open_store) as store:
            await store.commit([agent(), run("top"), run("child", parent="top"), run("last", parent="child")])
            await _reserve(store, "one", 10, child, parent)
            await store.commit([Settle("one", 10), run("top", status="done"), Retire(("top",))])
            await store.commit([run("child", parent="top", status="done"), Retire(("child", "top"))])
            assert await left() == ["run:child", "run:top"], "the last of them still works"
            await store.commit([run("last", parent="child", status="failed"), Retire(("last", "child", "top"))])
            assert await left() == ["run:child", "run:top"], "it can be resumed"
            await store.commit([DeleteRun("last")])
            await store.commit([Retire(("child",))])
            assert await left() == ["run:top"]
            await store.gc()
            assert await left() == []

    async def test_the_scopes_of_an_agent_go_with_it(self, open_store: OpenStore) -> None:
        own, like, of_run = ScopeLimit("agent:a:day", 100), ScopeLimit("agent:a.b:day", 100), ScopeLimit("run:r", 100)
        async with opened(open_store) as store:
            await store.commit([agent(), run("r", status="failed")])
            await store.commit([Reserve("one", "r", 10, (own, like, of_run, DAY))])
            await store.commit([DeleteAgent("a")])
            assert [(row.id, row.reserved) for row in (await store.scopes_like("")).items] == [
                ("agent:a.b:day", 0),
                ("day", 0),
            ]
