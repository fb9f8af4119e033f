"""`/budget`: what may be spent and what is, other limits, and large spends that wait for somebody to agree."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from perdure.base.errors import WrongState
from perdure.kernel.standing import BudgetLine

from .endpoint import Call, Endpoint, Nothing
from .invoke import Accepted, accepted
from .reply import Reply


class Which(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    which: Annotated[str, Meta(description="A scope, an agent, or a run; else all there are.")] = ""


class Lines(msgspec.Struct, frozen=True):
    items: list[BudgetLine]


class SetLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Give a scope another limit than its file says; null lets the file's hold again. Runs that wait for it go on."""

    scope: Annotated[str, Meta(min_length=1)]
    limit_microusd: Annotated[int, Meta(ge=0, le=10**15)] | None


class Agree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Agree to the large spend that a run waits with, or refuse it; `key` names one of several."""

    run_id: str
    decision: Literal["approve", "deny"] = "approve"
    key: str = ""
    why: str = ""


async def lines(call: Call[Any, Which]) -> Lines:
    return Lines(await call.runtime.budgets(call.query.which))


async def set_limit(call: Call[SetLimit, Nothing]) -> BudgetLine:
    return await call.runtime.set_budget(call.body.scope, call.body.limit_microusd, who=call.who)


async def agree(call: Call[Agree, Nothing]) -> Reply:
    asked = call.body
    waits = (await call.runtime.show(asked.run_id)).waits
    spends = [wait.key for wait in waits if wait.kind == "approval" and wait.about.get("kind") == "budget"]
    meant = [key for key in spends if asked.key in ("", key)]
    if len(meant) != 1:
        what = f"which one? {', '.join(spends)}" if spends else "it does not wait with a spend"
        raise WrongState(f"run {asked.run_id}: {what}", run_id=asked.run_id)
    run = await call.runtime.approve(asked.run_id, asked.decision, key=meant[0], why=asked.why, who=call.who)
    return accepted(run)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint("GET", "/budget", lines, scope="read", query=Which, answer=Lines),
    Endpoint("PUT", "/budget", set_limit, scope="admin", body=SetLimit, answer=BudgetLine),
    Endpoint("POST", "/budget/approve", agree, scope="approve", body=Agree, answer=Accepted, status=202),
)
