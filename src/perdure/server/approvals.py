"""`/approvals`: what runs ask people, and the answers. An id stands for one exact question, and one answer."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.control.approvals import Approval
from perdure.kernel.store.rows import Page

from .endpoint import Call, Cursor, Endpoint, Nothing
from .reply import Reply


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    agent_id: str = ""
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 50
    cursor: Cursor = ""


class Approve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`answer` is for questions in the agent's own words; a call of a tool is approved without one."""

    answer: Any = "approve"
    why: str = ""


class Deny(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    why: str = ""


async def list_approvals(call: Call[Any, Listed]) -> Page[Approval]:
    asked = call.query
    return await call.runtime.approvals(agent=asked.agent_id, limit=asked.limit, cursor=asked.cursor)


async def approve(call: Call[Approve, Nothing]) -> Reply:
    return _decided(await call.runtime.decide(call.path["id"], call.body.answer, why=call.body.why, who=call.who))


async def deny(call: Call[Deny, Nothing]) -> Reply:
    return _decided(await call.runtime.decide(call.path["id"], "deny", why=call.body.why, who=call.who))


def _decided(approval: Approval) -> Reply:
    return Reply(approval, 202, headers={"location": f"/runs/{approval.run_id}"})


ENDPOINTS = (
    Endpoint("GET", "/approvals", list_approvals, scope="read", query=Listed, answer=Page[Approval]),
    Endpoint("POST", "/approvals/{id}/approve", approve, scope="approve", body=Approve, answer=Approval, status=202),
    Endpoint("POST", "/approvals/{id}/deny", deny, scope="approve", body=Deny, answer=Approval, status=202),
)
