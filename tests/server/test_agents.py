"""Agents: there, listed, forgotten."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

Served = Callable[..., AbstractAsyncContextManager[Any]]


async def test_an_agent_comes_to_be(served: Served) -> None:
    async with served() as client:
        first = await client.post("/agents", {"spec": "clerk", "agent_id": "ada"})
        assert (first.status, first.headers["location"], first.json["status"]) == (201, "/agents/ada", "created")
        again = await client.post("/agents", {"spec": "clerk", "agent_id": "ada"})
        assert (again.status, again.json["code"]) == (409, "agent.exists")
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


async def test_an_agent_is_moved_through_its_life(served: Served) -> None:
    async with served(["one", "two"]) as client:
        await client.post("/agents", {"spec": "clerk", "agent_id": "ada"})
        stopped = await client.post("/agents/ada/stop", {"why": "Lunch."})
        assert (stopped.status, stopped.json["status"]) == (200, "quarantined")
        resting = await client.post("/agents/ada/tick")
        assert (resting.status, resting.json["code"]) == (409, "agent.at_rest")
        listed = await client.get("/agents?status=quarantined&status=failed")
        assert [agent["agent_id"] for agent in listed.json["items"]] == ["ada"]
        assert (await client.post("/agents/ada/start")).json["status"] == "active"
        turn = await client.post("/agents/ada/tick", {"reason": "Look around."})
        assert turn.status == 202 and (await client.runtime.wait(turn.json["run_id"])).output == "one"
        assert (await client.post("/agents/ada/terminate")).json["status"] == "terminated"
        assert (await client.post("/agents/ada/wake")).status == 409
        assert (await client.post("/agents/nobody/wake")).status == 404


async def test_an_agent_is_taken_elsewhere(served: Served) -> None:
    async with served(["one", "two"]) as client:
        await client.post("/invoke", {"spec": "clerk", "agent_id": "ada", "input": "x"})
        bundle = (await client.get("/agents/ada/export")).content
        there = await client.ask("POST", "/agents/import", bundle)
        assert (there.status, there.json["code"]) == (409, "bundle.conflict")
        twin = await client.ask("POST", "/agents/import?mode=clone&agent_id=twin", bundle)
        assert (twin.status, twin.headers["location"]) == (201, "/agents/twin")
        assert (await client.post("/invoke", {"agent_id": "twin", "input": "y"})).json["output"] == "two"
        assert (await client.ask("POST", "/agents/import", bundle[:-9])).json["code"] == "bundle.invalid"
