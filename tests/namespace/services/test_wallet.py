"""What an agent has spent: each charge once, whether money was reserved for it or not."""

from __future__ import annotations

from typing import Any

from perdure.base.usage import Usage
from perdure.kernel import records as r
from perdure.kernel.store.ops import Reserve, ScopeLimit, Settle
from perdure.namespace.namespace import Namespace
from perdure.namespace.services.wallet import wallet_node

USED = Usage(10, 5)


def done(cost: int, usage: Usage | None = USED) -> r.EffectDone:
    return r.EffectDone(kind="model", digest="d", cost=cost, usage=usage, price="p1")


async def test_a_charge_is_what_was_settled_where_money_was_reserved(office: Any, served: Any, data: Any) -> None:
    wallet: Namespace = await served(wallet_node)
    await office.note(done(30), key="a")
    await office.note(r.BudgetReserved(reservation="r1", amount=100), key="b")
    await office.note(done(40), key="b")
    await office.note(r.BudgetSettled(reservation="r1", spent=40), key="b")
    await office.note(r.BudgetReserved(reservation="r2", amount=100), key="c")
    await office.note(done(0, None), key="c")
    await office.note(r.BudgetSettled(reservation="r2", spent=100), key="c")
    await office.note(r.BudgetSettled(reservation="r3", spent=70), key="killed")
    await office.note(done(0), key="free")
    charges = data(await wallet.read("/history"))
    assert [(one["key"], one["kind"], one["spent_microusd"]) for one in charges] == [
        ("killed", "unfinished", 70),
        ("c", "model", 100),
        ("b", "model", 40),
        ("a", "model", 30),
    ]
    assert charges[-1]["usage"] == {"input_tokens": 10, "output_tokens": 5}


async def test_history_pairs_records_across_pages(office: Any, served: Any, data: Any) -> None:
    wallet: Namespace = await served(wallet_node)
    for number in range(1_001):
        await office.note(done(0), key=f"free{number}")
    await office.note(done(2), key="x")
    await office.note(r.BudgetSettled(reservation="r", spent=2), key="x")
    for number in range(999):  # so that a page of a thousand ends between the two
        await office.note(done(0), key=f"free{number}")
    assert [one["spent_microusd"] for one in data(await wallet.read("/history"))] == [2]


async def test_the_balance_is_that_of_the_period_now(office: Any, served: Any, data: Any) -> None:
    wallet: Namespace = await served(wallet_node)
    (day,) = data(await wallet.read("/balance"))["scopes"]
    assert (day["limit_microusd"], day["remaining_microusd"], day["spent_microusd"]) == (1_000_000, 1_000_000, 0)
    await office.commit(Reserve("r1", "run", 300_000, (ScopeLimit("agent:bob:day", 1_000_000, 20_254),)))
    (day,) = data(await wallet.read("/balance"))["scopes"]
    assert (day["reserved_microusd"], day["remaining_microusd"]) == (300_000, 700_000)
    await office.commit(Settle("r1", 250_000))
    (day,) = data(await wallet.read("/balance"))["scopes"]
    assert (day["reserved_microusd"], day["spent_microusd"], day["remaining_microusd"]) == (0, 250_000, 750_000)
    assert day["resets_at"] == (20_254 + 1) * 86_400_000
