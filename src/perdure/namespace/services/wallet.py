"""`wallet/`: the money of an agent as it sees it: `balance`, and the charges of its journal in `history`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from perdure.kernel.journal import decode
from perdure.kernel.records import (
    BudgetChanged,
    BudgetReleased,
    BudgetReserved,
    BudgetSettled,
    EffectDone,
    EffectFailed,
    Record,
)
from perdure.kernel.store.rows import RecordFilter

from ..node import Folder, json_document
from .budget import budget_of
from .desk import Desk
from .status import agent_of
from .watching import modified

SHOWN = 512
"""Charges shown at most, the newest first."""
CHARGES = (EffectDone.type, EffectFailed.type, BudgetSettled.type)
MONEY = (*CHARGES, BudgetReserved.type, BudgetReleased.type, BudgetChanged.type)


def wallet_node(agent_id: str, desk: Desk) -> Folder:
    filter = RecordFilter(agent_id, types=CHARGES)

    async def balance() -> dict[str, Any]:
        row = await agent_of(desk, agent_id)
        terms = await desk.terms(row)
        return {"agent_id": agent_id, "scopes": await budget_of(desk, row, terms.scopes)}

    async def history() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        before: int | None = None
        while len(found) < SHOWN and (page := await desk.store.records(filter, before=before, order="newest")):
            if len(page) > 1 and isinstance(decode(page[-1]), BudgetSettled):
                page.pop()  # to be read again with the record before it
            found += _charges(page)
            before = page[-1].seq
            await asyncio.sleep(0)  # a store may answer without waiting, and there are others
        return found[:SHOWN]

    return Folder(
        {
            "balance": json_document(balance, watch=modified(desk, RecordFilter(agent_id, types=MONEY))),
            "history": json_document(history, watch=modified(desk, filter)),
        }
    )


def _charges(newest_first: Sequence[Record]) -> list[dict[str, Any]]:
    """What records cost. One that ends a call is followed by what was settled for it, where money had been reserved;
    what is settled alone is of a call that never came to its end."""
    found: list[dict[str, Any]] = []
    settled: Record | None = None
    for record in newest_first:
        event = decode(record)
        if isinstance(event, BudgetSettled):
            found.append(_charge(record, "unfinished", event.spent))
            settled = record
            continue
        assert isinstance(event, (EffectDone, EffectFailed))
        spent = event.cost
        if settled is not None and (settled.seq, settled.run_id, settled.key) == (
            record.seq + 1,
            record.run_id,
            record.key,
        ):
            spent = found.pop()["spent_microusd"]
        more = {"price": event.price, "usage": event.usage} if isinstance(event, EffectDone) else {}
        found.append(_charge(record, event.kind, spent, **more))
    return [charge for charge in found if charge["spent_microusd"]]


def _charge(record: Record, kind: str, spent: int, **more: Any) -> dict[str, Any]:
    charge = {"seq": record.seq, "at": record.at, "run_id": record.run_id, "key": record.key, "kind": kind}
    return {**charge, "spent_microusd": spent, **more}
