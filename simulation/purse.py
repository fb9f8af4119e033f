"""What may be spent in a world, by whom and in which time, drawn for every seed."""

from __future__ import annotations

from random import Random

import msgspec

from perdure.kernel.budgets import BudgetRules, Pool

RESERVED, COST = 1_000, 300
"""Micro-USD of a spend: what is set aside for it, and what it comes to."""


class Purse(msgspec.Struct, frozen=True):
    """Limits in micro-USD, None for none; each has room for one spend at least. An agent always counts its days."""

    pools: tuple[Pool, ...]
    per_run: int | None
    per_tick: int | None
    per_day: int
    rules: BudgetRules

    @classmethod
    def drawn(cls, chance: Random) -> Purse:
        def limit(most: int, share: float = 0.3) -> int | None:
            return chance.randint(RESERVED, most) if chance.random() < share else None

        return cls(
            pools=(
                Pool("project", per_day=limit(6_000), per_month=limit(12_000)),
                Pool("tenant:acme", per_day=limit(6_000), per_month=100_000),
            ),
            per_run=limit(3_000),
            per_tick=limit(2_500),
            per_day=limit(4_000) or 100_000,
            rules=BudgetRules(
                on_exceeded=chance.choice(["fail", "wait"]), unknown_usage=chance.choice(["reserved", "zero"])
            ),
        )
