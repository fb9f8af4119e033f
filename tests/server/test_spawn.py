"""Agents spawned and killed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

Served = Callable[..., AbstractAsyncContextManager[Any]]


async def test_agents_are_spawned_and_killed(served: Served) -> None:
    async with served() as client:
        one, other = [await client.post("/spawn", {"template": "clerk"}) for _ in range(2)]
        id = one.json["agent_id"]
        assert one.status == 201 and id.startswith("clerk-") and id != other.json["agent_id"]
        killed = await client.post("/kill", {"agent_id": id, "why": "Enough."})
        assert killed.json["ok"] and killed.json["agent"]["status"] == "terminated"
        again = await client.post("/kill", {"agent_id": id})
        assert again.status in (200, 409)


async def test_what_there_is_not_is_not_found(served: Served) -> None:
    async with served() as client:
        assert (await client.post("/spawn")).json["code"] == "config.spec_not_found"
        assert (await client.post("/kill", {"agent_id": "nobody"})).json["code"] == "agent.not_found"
        assert (await client.post("/kill")).status == 422
