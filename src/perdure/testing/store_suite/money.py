"""Money: limits on every scope, reservations, periods."""

from __future__ import annotations

from perdure.base.errors import BudgetExceeded
from perdure.kernel.store.ops import Reserve, ScopeLimit, Settle, WithinBudget
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import ScopeRow

from .samples import OpenStore, agent, opened, refused

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
            assert await store.commit([Settle("one", 25), Settle("one", 25), Settle("none", 1)]) == [True, False, False]
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
