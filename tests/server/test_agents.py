"""Agents: there, listed, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

Served = Callable[..., AbstractAsyncContextManager[Any]]


async def test_an_agent_comes_to_be(served: Served) -> None:
    async with served() as client:
        first = await client.post("/agents", {"spec": "clerk", "agent_id": "ada"})
        assert (first.status, first.headers["location"], first.json["is_new"]) == (201, "/agents/ada", True)
        again = await client.post("/agents", {"spec": "clerk", "agent_id": "ada"})
        assert (again.status, again.json["is_new"]) == (200, False)
        shown = await client.get("/agents/ada")
        assert (shown.json["agent_id"], shown.json["spec"]) == ("ada", "clerk")
        assert (await client.post("/agents", {"spec": "nobody"})).status == 404


async def test_agents_are_listed_page_by_page(served: Served) -> None:
    async with served() as client:
        for name in ("c", "a", "b"):
            await client.post("/agents", {"spec": "clerk", "agent_id": name})
        page = (await client.get("/agents?limit=2")).json
        assert [agent["agent_id"] for agent in page["items"]] == ["a", "b"]
        page = (await client.get(f"/agents?limit=2&cursor={page['next']}")).json
        assert ([agent["agent_id"] for agent in page["items"]], page["next"]) == (["c"], "")


async def test_an_agent_is_forgotten(served: Served) -> None:
    async with served(["hello"]) as client:
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ada", "input": "x"})
        assert (await client.ask("DELETE", "/agents/ada")).status == 204
        assert (await client.get("/agents/ada")).json["code"] == "agent.not_found"
        assert (await client.ask("DELETE", "/agents/ada")).status == 404
