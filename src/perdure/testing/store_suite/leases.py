"""Who holds an agent: claims, fences, heartbeats, and what is ready for a worker."""

from __future__ import annotations

from perdure.base.errors import AgentNotFound, Fenced, Held
from perdure.kernel.store.ops import (
    Acknowledge,
    Claim,
    Claimable,
    ForgetWorker,
    HasFence,
    Heartbeat,
    Unclaim,
)
from perdure.kernel.store.rows import WorkerRow

from .samples import OpenStore, agent, append, deliver, opened, refused, run


class Leases:
    async def test_a_claim_raises_the_fence_and_shuts_the_late_writer_out(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent()])
            assert await store.commit([Claim("a", "w1")], [Claimable("a", "w1", 0)]) == [1]
            await store.commit([append("1")], [HasFence("a", "w1", 1)])
            assert await store.commit([Claim("a", "w2")], [Claimable("a", "w2", 0)]) == [2]
            error = await refused(Fenced, store.commit([append("late")], [HasFence("a", "w1", 1)]))
            assert error.facts["owner"] == "w2"
            await store.commit([append("2")], [HasFence("a", "w2", 2)])
            await refused(Fenced, store.commit([], [HasFence("a", "w2", 1)]))
            await refused(Fenced, store.commit([], [HasFence("nobody", "w2", 2)]))
            await refused(AgentNotFound, store.commit([Claim("nobody", "w1")]))
            row = await store.load_agent("a")
            assert row is not None and (row.owner, row.fence, row.records) == ("w2", 2, 2)

    async def test_an_agent_is_held_while_its_owner_lives(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), Heartbeat(WorkerRow("w1", 100)), Claim("a", "w1")])
            error = await refused(Held, store.commit([], [Claimable("a", "w2", 100)]))
            assert error.facts == {"agent_id": "a", "owner": "w1"}
            await store.commit([], [Claimable("a", "w1", 100)])
            await store.commit([], [Claimable("a", "w2", 101)])
            await store.commit([Heartbeat(WorkerRow("w1", 200))])
            await refused(Held, store.commit([], [Claimable("a", "w2", 101)]))
            await store.commit([ForgetWorker("w1"), ForgetWorker("nobody")])
            await store.commit([], [Claimable("a", "w2", 0)])
            await refused(AgentNotFound, store.commit([], [Claimable("nobody", "w2", 0)]))

    async def test_only_the_owner_gives_an_agent_up(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), Heartbeat(WorkerRow("w1", 100)), Claim("a", "w1")])
            await store.commit([Unclaim("a", "w2"), Unclaim("nobody", "w1")])
            await refused(Held, store.commit([], [Claimable("a", "w2", 100)]))
            await store.commit([Unclaim("a", "w1")])
            await store.commit([], [Claimable("a", "w2", 100)])
            row = await store.load_agent("a")
            assert row is not None and (row.owner, row.fence) == ("", 1)

    async def test_a_heartbeat_tells_a_worker_that_it_was_taken_for_dead(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            row = WorkerRow("w1", 100, 50, 123, "host")
            assert await store.commit([Heartbeat(row)]) == [False]
            assert await store.commit([Heartbeat(WorkerRow("w1", 200, 50, 123, "host"))]) == [True]
            await store.commit([ForgetWorker("w1"), Heartbeat(WorkerRow("w0", 1))])
            assert await store.commit([Heartbeat(row)]) == [False]
            first, second = await store.workers()
            assert first.id == "w0" and first.host, "a store knows the host of a worker that names none"
            assert second == row
            assert await store.reap() == [], "its own workers are alive"

    async def test_ready_is_who_has_work_and_no_living_owner(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(id) for id in ("idle", "mail", "queued", "running", "waiting", "done")])
            await store.commit([deliver("e1", "mail"), run("r1", "queued"), run("r2", "running", status="running")])
            await store.commit([run("r3", "waiting", status="waiting"), run("r4", "done", status="done")])
            assert await store.ready(100, 10) == ["mail", "queued", "running"]
            assert await store.ready(100, 2) == ["mail", "queued"]
            await store.commit([Heartbeat(WorkerRow("w1", 100)), Claim("queued", "w1"), Claim("running", "unknown")])
            assert await store.ready(100, 10) == ["mail", "running"]
            assert await store.ready(101, 10) == ["mail", "queued", "running"]
            await store.commit([Acknowledge("mail", ("e1",)), run("r2", "running", status="done")])
            assert await store.ready(101, 10) == ["queued"]

    async def test_an_agent_at_rest_is_not_ready_however_much_waits_for_it(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            for status in ("created", "dormant", "quarantined", "failed", "terminated"):
                await store.commit([agent(status, status=status), deliver("e1", status), run(f"r-{status}", status)])
            assert await store.ready(100, 10) == ["created", "dormant", "terminated"]
            await store.commit([agent("failed", status="active")])
            assert await store.ready(100, 10) == ["created", "dormant", "failed", "terminated"]
