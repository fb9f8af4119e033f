"""Many at once: order is kept, guards hold, nothing is lost or mixed up."""

from __future__ import annotations

import asyncio

from perdure.base.errors import BudgetExceeded, Fenced
from perdure.kernel.store.ops import Claim, Claimable, HasFence, Reserve, ScopeLimit, Settle, WithinBudget
from perdure.kernel.store.rows import RecordFilter

from .samples import OpenStore, agent, append, keys, opened, refused


class Concurrency:
    async def test_64_committers_at_once_each_keep_their_order(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(f"a{n}") for n in range(64)])

            async def work(agent_id: str) -> None:
                (fence,) = await store.commit([Claim(agent_id, "w")], [Claimable(agent_id, "w", 0)])
                for step in range(10):
                    done = store.commit([append(str(step), agent_id=agent_id)], [HasFence(agent_id, "w", fence)])
                    late = store.commit([append("late", agent_id=agent_id)], [HasFence(agent_id, "w", fence - 1)])
                    await refused(Fenced, late)
                    await done

            await asyncio.gather(*(work(f"a{n}") for n in range(64)))
            assert len(await store.records(RecordFilter(), limit=1_000)) == 640
            for n in range(64):
                assert keys(await store.records(RecordFilter(agent_id=f"a{n}"))) == [str(step) for step in range(10)]
                assert await store.verify(f"a{n}") == []

    async def test_commits_take_effect_in_the_order_in_which_they_were_handed_in(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            commits = [store.commit([agent()]), *(store.commit([append(str(n))]) for n in range(2_000))]
            await asyncio.gather(*commits)
            assert keys(await store.records(RecordFilter(), limit=5_000)) == [str(n) for n in range(2_000)]

    async def test_many_who_spend_at_once_never_overspend(self, open_store: OpenStore) -> None:
        scopes = (ScopeLimit("day", 1_000),)
        async with opened(open_store) as store:

            async def spend(id: str) -> int:
                try:
                    await store.commit([Reserve(id, "r1", 100, scopes)], [WithinBudget(100, scopes)])
                except BudgetExceeded:
                    return 0
                await store.commit([Settle(id, 70)])
                return 70

            spent = sum(await asyncio.gather(*(spend(str(n)) for n in range(64))))
            (row,) = await store.scopes(["day"])
            assert (row.spent, row.reserved) == (spent, 0)
            assert 0 < spent <= 1_000

    async def test_a_cancelled_wait_does_not_take_the_commit_back(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            given_up = store.commit([agent(), append("1")])
            refused = store.commit([append("x", agent_id="nobody")])
            given_up.cancel()
            refused.cancel()
            assert await store.commit([append("2")]) == [[2]]
            assert keys(await store.records(RecordFilter())) == ["1", "2"]
