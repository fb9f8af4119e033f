"""`/traces`: what a run did, as a tree."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from perdure.control.spans import TraceNode

from .endpoint import Call, Endpoint


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    full: Annotated[bool, Meta(description="With the questions that models were asked, rebuilt and proven.")] = False


async def trace(call: Call[Any, Asked]) -> TraceNode:
    return await call.runtime.trace(call.path["run_id"], full=call.query.full)


ENDPOINTS = (Endpoint("GET", "/traces/{run_id}", trace, scope="read", query=Asked, answer=TraceNode),)
