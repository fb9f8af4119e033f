"""Small values that the suite's tests are written with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

from perdure.base.errors import PerdureError
from perdure.kernel.records import Record
from perdure.kernel.store.ops import Append, Deliver, OverflowPolicy, PutAgent, PutRun
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import AgentRow, RunRow, RunStatus

OpenStore: TypeAlias = Callable[[], Store]
E = TypeVar("E", bound=PerdureError)


@asynccontextmanager
async def opened(open_store: OpenStore) -> AsyncIterator[Store]:
    store = open_store()
    try:
        yield store
    finally:
        await store.close()


async def refused(error: type[E], future: asyncio.Future[list[Any]]) -> E:
    """The error of this type that the commit has to raise."""
    try:
        results = await future
    except error as refusal:
        return refusal
    raise AssertionError(f"{error.__name__} was not raised; the commit gave {results}")


def agent(id: str = "a", spec: str = "spec", **more: Any) -> PutAgent:
    return PutAgent(AgentRow(id, spec, 1, **more))


def run(id: str, agent_id: str = "a", status: RunStatus = "queued", **more: Any) -> PutRun:
    return PutRun(
        RunRow(id, agent_id, more.pop("spec", "spec"), more.pop("envelope_id", f"env_{id}"), status, 1, **more)
    )


def record(key: str, run_id: str = "r1", agent_id: str = "a", type: str = "effect.done", blob: str = "") -> Record:
    return Record(agent_id, run_id, key, type, 7, f"data of {key}".encode(errors="replace"), blob)


def append(*keys: str, run_id: str = "r1", agent_id: str = "a", type: str = "effect.done") -> Append:
    return Append(agent_id, tuple(record(key, run_id, agent_id, type) for key in keys))


def deliver(
    envelope_id: str,
    agent_id: str = "a",
    *,
    capacity: int = 0,
    policy: OverflowPolicy = "dead_letter",
    **more: Any,
) -> Deliver:
    data = f"data of {envelope_id}".encode()
    return Deliver(agent_id, envelope_id, "message", data, 7, capacity=capacity, policy=policy, **more)


def keys(records: Sequence[Record]) -> list[str]:
    return [one.key for one in records]
