"""Timers: set, moved, cancelled, due."""

from __future__ import annotations

from perdure.base.errors import AgentNotFound, VersionConflict
from perdure.kernel.store.ops import CancelTimer, SetTimer, TimerIs
from perdure.kernel.store.rows import Timer

from .samples import OpenStore, agent, deliver, opened, refused


class Timers:
    async def test_the_earliest_timer_comes_first(self, open_store: OpenStore) -> None:
        late, early, other = Timer("a", "r1", "k1", 30), Timer("a", "r1", "k2", 10), Timer("b", "r2", "k1", 20)
        async with opened(open_store) as store:
            assert await store.next_due() is None
            await store.commit([agent("a"), agent("b"), *(SetTimer(timer) for timer in (late, early, other))])
            assert await store.next_due() == 10
            assert await store.timers("a") == [early, late]
            assert await store.due(9, 10) == []
            assert await store.due(20, 10) == [early, other]
            assert await store.due(99, 2) == [early, other]
            await refused(AgentNotFound, store.commit([SetTimer(Timer("nobody", "r", "k", 1))]))

    async def test_setting_a_timer_again_moves_it(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), SetTimer(Timer("a", "r1", "k", 10))])
            await store.commit([SetTimer(Timer("a", "r1", "k", 50))])
            assert await store.timers("a") == [Timer("a", "r1", "k", 50)]

    async def test_one_timer_or_all_of_a_run_are_cancelled(self, open_store: OpenStore) -> None:
        timers = [
            Timer("a", "r1", "k1", 1),
            Timer("a", "r1", "k2", 2),
            Timer("a", "r1", "k3", 3),
            Timer("a", "r2", "k1", 4),
        ]
        async with opened(open_store) as store:
            await store.commit([agent(), *(SetTimer(timer) for timer in timers)])
            await store.commit([CancelTimer("r1", "k2"), CancelTimer("r1", "none")])
            assert await store.timers("a") == [timers[0], timers[2], timers[3]]
            await store.commit([CancelTimer("r1"), CancelTimer("none")])
            assert await store.timers("a") == [timers[3]]

    async def test_of_many_who_find_a_timer_due_one_fires_it(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), SetTimer(Timer("a", "sch_1", "", 10))])
            due = (TimerIs("sch_1", "", 10),)
            first = store.commit([deliver("e1"), SetTimer(Timer("a", "sch_1", "", 20))], due)
            second = store.commit([deliver("e2"), SetTimer(Timer("a", "sch_1", "", 20))], due)
            assert await first == ["delivered", None]
            error = await refused(VersionConflict, second)
            assert error.facts == {"run_id": "sch_1", "key": "", "due": 20}
            assert [mail.envelope_id for mail in await store.mail("a", 9)] == ["e1"]
            await store.commit([CancelTimer("sch_1")], [TimerIs("sch_1", "", 20)])
            assert (await refused(VersionConflict, store.commit([], due))).facts["due"] is None
