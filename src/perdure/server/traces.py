"""`/traces`: what a run did, as a tree."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from perdure.control.spans import TraceNode
from perdure.control.tracing import export_trace

from .endpoint import Call, Endpoint
from .reply import Reply

JSONL = "application/jsonl"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    full: Annotated[bool, Meta(description="With the questions that models were asked, rebuilt and proven.")] = False
    format: Annotated[
        Literal["json", "jsonl"], Meta(description="A tree, or a line for each node; `Accept` may ask for either.")
    ] = "json"


async def trace(call: Call[Any, Asked]) -> TraceNode | Reply:
    root = await call.runtime.trace(call.path["run_id"], full=call.query.full)
    if call.query.format == "jsonl" or JSONL in call.header("accept"):
        return Reply("".join(f"{line}\n" for line in export_trace(root)).encode(), media_type=JSONL)
    return root


ENDPOINTS = (Endpoint("GET", "/traces/{run_id}", trace, scope="read", query=Asked, answer=TraceNode, media=JSONL),)
