"""Random spending in a tree of runs: what the store says fits is what plain sums over all that was ever spent say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from perdure.base.errors import BudgetExceeded
from perdure.kernel.budgets import DAY_MS, Money, Pool
from perdure.kernel.lineage import scopes_of
from perdure.kernel.program import Program
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import Guard, Op, PutAgent, PutRun, SetLimit
from perdure.kernel.store.rows import AgentRow, RunRow

PARENTS = {"top": "", "left": "top", "right": "top", "leaf": "left", "other": ""}
AGENT_OF = {"top": "ann", "left": "bob", "right": "bob", "leaf": "cas", "other": "ann"}
RUN_LIMITS = {"top": 90, "left": 40, "right": None, "leaf": 30, "other": None}
TICK_LIMITS = {"ann": 60, "bob": None, "cas": None}
DAY_LIMITS = {"ann": 120, "bob": 70, "cas": None}
POOLS = (Pool("tenant:t", per_month=400), Pool("project", per_day=200, per_month=600))
BEGIN = 1_767_225_600_000 + 29 * DAY_MS  # 2026-01-30

runs = st.sampled_from(sorted(PARENTS))
amounts = st.integers(1, 60)


def ancestors(run: str) -> list[str]:
    found = [run]
    while PARENTS[found[-1]]:
        found.append(PARENTS[found[-1]])
    return found


class Shelf:
    async def program(self, digest: str) -> Program:
        return Program(None, per_tick=TICK_LIMITS[digest], per_day=DAY_LIMITS[digest])  # type: ignore[arg-type]

    async def find(self, target: Any) -> Any:
        raise NotImplementedError


class Plain:
    """Every spend with the scopes and periods that it counts in, added up anew for each question."""

    def __init__(self) -> None:
        self.limits: dict[str, int] = {}
        self.spends: dict[str, tuple[set[tuple[str, str]], int, bool]] = {}  # id: scopes, amount, is it settled

    def fits(self, scopes: set[tuple[str, str]], amount: int) -> bool:
        return all(self.held(scope) + amount <= self.limits[scope[0]] for scope in scopes)

    def held(self, scope: tuple[str, str]) -> int:
        return sum(amount for scopes, amount, _ in self.spends.values() if scope in scopes)


class Tree(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = MemoryStore()
        self.plain = Plain()
        self.now = BEGIN
        self.ticks = dict.fromkeys(TICK_LIMITS, 1)
        self.money = self.loop.run_until_complete(self._begin())
        self.plain.limits = {
            **{f"run:{id}": limit for id, limit in RUN_LIMITS.items() if limit is not None},
            **{f"agent:{id}:tick": limit for id, limit in TICK_LIMITS.items() if limit is not None},
            **{f"agent:{id}:day": limit for id, limit in DAY_LIMITS.items() if limit is not None},
            "tenant:t:month": 400,
            "project:day": 200,
            "project:month": 600,
        }

    async def _begin(self) -> dict[str, Money]:
        rows = [
            RunRow(id, AGENT_OF[id], AGENT_OF[id], f"env_{id}", "running", 1, parent=PARENTS[id], budget=RUN_LIMITS[id])
            for id in PARENTS
        ]
        await self.store.commit([*(PutAgent(AgentRow(id, id, 1)) for id in DAY_LIMITS), *map(PutRun, rows)])
        found = {}
        for row in rows:
            shelf = Shelf()
            scopes = await scopes_of(self.store, shelf, row, await shelf.program(row.spec), POOLS)
            found[row.id] = Money(
                row.id, scopes, now=lambda: self.now, tick=lambda agent=row.agent_id: self.ticks[agent]
            )
        return found

    def teardown(self) -> None:
        self.loop.close()

    def _scopes(self, run: str) -> set[tuple[str, str]]:
        """The limited scopes of a run, each with a name for its period."""
        agent, day = AGENT_OF[run], f"day {self.now // DAY_MS}"
        month = "january" if self.now < BEGIN + 2 * DAY_MS else "february"
        named = {(f"run:{id}", "for ever") for id in ancestors(run)}
        named |= {(f"agent:{AGENT_OF[id]}:day", day) for id in ancestors(run)}
        named |= {(f"agent:{agent}:tick", f"tick {self.ticks[agent]}")}
        named |= {("tenant:t:month", month), ("project:day", day), ("project:month", month)}
        return {scope for scope in named if scope[0] in self.plain.limits}

    def _commit(self, money: Money) -> bool:
        return self._write(*money.take())

    def _write(self, ops: list[Op], guards: Sequence[Guard] = ()) -> bool:
        """Commit; False where it does not fit."""

        async def commit() -> bool:
            try:
                await self.store.commit(ops, guards)
            except BudgetExceeded:
                return False
            return True

        return self.loop.run_until_complete(commit())

    @rule(run=runs, amount=amounts)
    def reserve(self, run: str, amount: int) -> None:
        money, scopes = self.money[run], self._scopes(run)
        expected = self.plain.fits(scopes, amount)
        id = money.reserve("model", amount)
        assert self._commit(money) == expected
        if expected:
            self.plain.spends[id] = scopes, amount, False

    @rule(data=st.data(), cost=st.integers(0, 80))
    def settle(self, data: st.DataObject, cost: int) -> None:
        """A call comes to cost less, more, or (0) nothing as it failed."""
        running = sorted(id for id, (_, _, settled) in self.plain.spends.items() if not settled)
        if running:
            id = data.draw(st.sampled_from(running))
            money = self.money[id.partition("/")[0]]
            money.settle(id, cost)
            assert self._commit(money)
            self.plain.spends[id] = self.plain.spends[id][0], cost, True

    @rule(agent=st.sampled_from(sorted(TICK_LIMITS)))
    def next_tick(self, agent: str) -> None:
        self.ticks[agent] += 1

    @rule(hours=st.sampled_from([1, 11, 24]))
    def pass_time(self, hours: int) -> None:
        self.now += hours * DAY_MS // 24

    @rule(scope=st.sampled_from(["run:top", "agent:bob:day", "project:day"]), limit=st.integers(0, 300))
    def set_limit(self, scope: str, limit: int) -> None:
        assert self._write([SetLimit(scope, limit)])
        self.plain.limits[scope] = limit

    @invariant()
    def rows_are_the_sums_of_their_period(self) -> None:
        rows = {row.id: row for row in self.loop.run_until_complete(self.store.scopes_like("", limit=99)).items}
        for run in PARENTS:
            for scope in self._scopes(run):
                row = rows.get(scope[0])
                held = self.plain.held(scope)
                if held:
                    assert row is not None and row.reserved + row.spent == held, scope

    @invariant()
    def nothing_is_reserved_that_is_not_under_way(self) -> None:
        running = {id for id, (_, _, settled) in self.plain.spends.items() if not settled}
        assert self.store._all.reservations.keys() == running


TestTree = Tree.TestCase
TestTree.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
