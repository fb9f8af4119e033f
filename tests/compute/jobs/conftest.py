"""Jobs over a store in memory and one on disk, with a model that says what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from perdure.base.clock import ManualClock
from perdure.base.ids import Ids, seeded
from perdure.compute.gateway import Gateway
from perdure.compute.jobs.allowance import Allowance
from perdure.compute.jobs.jobs import Jobs
from perdure.compute.jobs.providers import Providers
from perdure.compute.prices import Prices
from perdure.compute.registry import Models
from perdure.compute.service import compute_node
from perdure.compute.spec import Price
from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.kernel.budgets import BudgetRules
from perdure.kernel.leases import Lease
from perdure.kernel.settings import Settings
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import PutAgent, ScopeLimit
from perdure.kernel.store.rows import AgentRow
from perdure.kernel.store.sqlite import SqliteStore
from perdure.namespace.namespace import Namespace
from perdure.namespace.served import Served
from perdure.testing import Scripted


class House:
    """What jobs need, and what tests look at. A second `jobs` over the same store is another process."""

    def __init__(self, store) -> None:
        self.store = store
        self.clock = ManualClock()
        self.limits: tuple[ScopeLimit, ...] = ()
        self.tick = 1
        self.rules = BudgetRules()
        self.asked: list = []
        self.reply = b""
        self.http = MemoryTransport(lambda _: Reply([self.reply]))

    def jobs(
        self, answers=(), *, model=None, worker="wrk_1", plugged=(), prices=None, models=("a",), environment=None
    ) -> Jobs:
        if model is None:
            model = Scripted(answers, name="scripted/a")
            self.asked = model.requests
        registry = Models(
            transport=self.http,
            clock=self.clock,
            chance=lambda: 0.0,
            environment=environment or {},
            given={f"scripted/{name}": model for name in models},
        )
        stated = {"scripted/a": Price(3, 15)} if prices is None else prices
        return Jobs(
            self.store,
            clock=self.clock,
            ids=Ids(self.clock, seeded(len(worker) + ord(worker[-1]))),
            lease=Lease(self.store, self.clock, Settings(), worker),
            providers=Providers(Gateway(registry, Prices(stated), self.clock), plugged=plugged),
            allowance=self.allowance,
        )

    async def allowance(self, agent_id: str) -> Allowance:
        return Allowance(self.limits, self.tick, self.rules)

    def files(self, jobs: Jobs, agent_id: str = "ada") -> Namespace:
        return Namespace(Served(compute_node(agent_id, jobs)))

    async def begin(self, *agents: str) -> House:
        for id in agents or ("ada",):
            await self.store.commit([PutAgent(AgentRow(id, "spec", self.clock.now()))])
        return self

    async def money(self, *ids: str):
        """(reserved, spent) of scopes; those of /compute by the day where none is named."""
        return [(row.reserved, row.spent) for row in await self.store.scopes(ids or ("agent:ada:compute:day",))]


@pytest.fixture(params=["memory", "sqlite"])
def house(request, tmp_path):
    """`async with house() as one: …`"""

    @asynccontextmanager
    async def opened():
        store = MemoryStore() if request.param == "memory" else SqliteStore.open(tmp_path / "jobs.db")
        try:
            yield await House(store).begin()
        finally:
            await store.close()

    return opened


@pytest.fixture
def chat():
    """A request of a chat job as JSON."""

    def made(text="Hi", **more):
        said = {"messages": [{"role": "user", "content": text}], "max_tokens": 10} | more.pop("input", {})
        return json.dumps({"model": "a", "kind": "chat", "input": said} | more).encode()

    return made


@pytest.fixture
def over():
    """Wait until a job is over, and give it back."""

    async def waited(jobs, receipt, agent_id="ada"):
        job_id = json.loads(receipt)["job_id"]
        watch = await jobs.watch(agent_id, job_id)
        async with asyncio.timeout(10):
            async for _ in watch:
                pass
        return await jobs.find(agent_id, job_id)

    return waited
