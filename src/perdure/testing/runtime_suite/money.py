"""Budgets: what does not fit is not spent."""

from __future__ import annotations

import asyncio
from typing import Any

from perdure.agents.python import Agent
from perdure.base.envelope import Envelope
from perdure.kernel.classes import Outcome
from perdure.kernel.context import Context

from .samples import OpenRuntime

PRICE = 10


class Buyer(Agent):
    """Buys one thing for PRICE micro-USD."""

    bought = 0

    async def on_message(self, ctx: Context, message: Envelope) -> str:
        async def buy(_: str) -> Outcome:
            Buyer.bought += 1
            await asyncio.sleep(0)
            return Outcome("bought", cost=PRICE)

        return str(await ctx.effect("buy", "", buy, effect="read", reserve=PRICE))


class Boss(Agent):
    """Sends as many buyers as it is told to, all at once."""

    async def on_message(self, ctx: Context, message: Envelope) -> list[str]:
        sent = await ctx.gather(*(ctx.run(Buyer, f"{n}") for n in range(int(message.payload))))
        return [one.status if one.error is None else one.error["code"] for one in sent]


class Budgets:
    async def test_budget_enforcement(self, open_runtime: OpenRuntime) -> None:
        Buyer.bought = 0
        spec: dict[str, Any] = {
            "name": "buyer",
            "class": _name(Buyer),
            "budget": {"per_day": f"${PRICE * 2 / 1e6:.6f}"},
        }
        async with open_runtime() as rt:
            rt.library.given[_name(Buyer)] = Buyer
            results = [await rt.run(spec, f"{n}", agent="buyer") for n in range(3)]
            assert [result.status for result in results] == ["done", "done", "failed"]
            assert results[-1].error is not None and results[-1].error["code"] == "budget.exceeded"
            assert Buyer.bought == 2, "what does not fit is not begun"
            (day,) = await rt.budgets("agent:buyer:day")
            assert (day.reserved_microusd, day.spent_microusd, day.remaining_microusd) == (0, 2 * PRICE, 0)

    async def test_children_draw_on_the_budget_of_their_parent(self, open_runtime: OpenRuntime) -> None:
        Buyer.bought = 0
        spec: dict[str, Any] = {"name": "boss", "class": _name(Boss), "budget": {"per_run": f"${PRICE * 3 / 1e6:.6f}"}}
        async with open_runtime() as rt:
            rt.library.given[_name(Boss)] = Boss
            result = await rt.run(spec, "8")
            assert sorted(result.output) == ["budget.exceeded"] * 5 + ["done"] * 3
            assert Buyer.bought == 3


def _name(cls: type[Agent]) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"
