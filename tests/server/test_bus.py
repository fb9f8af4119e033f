"""Topics over HTTP: published once, read, streamed and resumed, asked and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

Served = Callable[..., AbstractAsyncContextManager[Any]]


async def test_an_event_is_published_once_and_read(served: Served) -> None:
    async with served() as client:
        first = await client.post(
            "/bus/orders.new", {"payload": {"id": 7}, "id": "evt_7", "kind": "order", "name": "me"}
        )
        again = await client.post("/bus/orders.new", {"payload": 0}, idempotency_key="evt_7")
        assert (first.status, again.status) == (202, 202)
        assert first.json == {"id": "evt_7", "topic": "orders.new", "seq": 1, "is_new": True}
        assert again.json["is_new"] is False
        await client.post("/bus/other", {"payload": 2})
        (event,) = (await client.get("/bus/orders.*")).json
        said = event["envelope"]
        assert (event["seq"], said["payload"], said["kind"], said["from"]) == (1, {"id": 7}, "order", "operator/me")
        topics = (await client.get("/bus?limit=1")).json
        assert (topics["items"][0]["topic"], topics["next"]) == ("orders.new", "orders.new")
        newest = (await client.get("/bus/%3E?newest=true&limit=1")).json
        assert [one["envelope"]["topic"] for one in newest] == ["other"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/bus/a..b", {"payload": 1}, 422),
        ("/bus/a.*", {"payload": 1}, 422),
        ("/bus/a", {"payload": 1, "priority": 101}, 422),
        ("/bus/a", {"payload": 1, "reply_to": "clerk"}, 422),
        ("/bus/a", {"payload": 1, "hops": 99}, 422),
        ("/bus/a", {"payload": 1, "sender": "clerk"}, 422),
        ("/bus/a", {"payload": "x" * 1_100_000}, 422),
        ("/bus/a", b"{", 400),
        ("/bus/a/request?timeout=0s", {"payload": 1}, 422),
        ("/bus/a/request?timeout=1d", {"payload": 1}, 422),
        ("/bus/a/request?timeout=50ms", {"payload": 1}, 504),
        ("/consumers/me", {"seq": -1}, 422),
        ("/agents/nobody/subscriptions", {"pattern": "a"}, 404),
    ],
)
async def test_what_is_wrong_is_refused(served: Served, path: str, body: Any, status: int) -> None:
    async with served() as client:
        answer = await client.post(path, body)
        assert answer.status == status and answer.json["status"] == status


async def test_a_stream_goes_on_where_it_broke(served: Served) -> None:
    async with served() as client:
        for n in range(3):
            await client.post("/bus/a.b", {"payload": n})
        stream = await client.stream("GET", "/bus/a.*?watch=1&after=1")
        assert (await stream.event())["event"] == "ready"
        events = [await stream.event() for _ in range(2)]
        assert [(one["id"], one["data"]["envelope"]["payload"]) for one in events] == [("2", 1), ("3", 2)]
        stream.close()
        await client.post("/bus/a.b", {"payload": 3})
        stream = await client.stream("GET", "/bus/a.*?watch=1", last_event_id="3")
        await client.post("/bus/b", {"payload": "no"})
        await client.post("/bus/a.c", {"payload": 4})
        assert (await stream.event())["id"] == "3"
        assert [(await stream.event())["data"]["envelope"]["payload"] for _ in range(2)] == [3, 4]
        stream.close()
        async with asyncio.timeout(5):
            while client.runtime.topics.bus.stats.subscribers:
                await asyncio.sleep(0.01)


async def test_what_is_not_kept_is_streamed_without_an_id(served: Served) -> None:
    async with served() as client:
        stream = await client.stream("GET", "/bus/tick?watch=1&qos=realtime")
        await stream.event()
        await client.post("/bus/tick", {"payload": 1, "durable": False})
        event = await stream.event()
        assert event["data"]["seq"] == 0 and "id" not in event
        stream.close()
        assert (await client.get("/bus/tick")).json == []


async def test_a_request_is_answered(served: Served, project: Path) -> None:
    async with served() as client:
        stream = await client.stream("GET", "/bus/work?watch=1")
        await stream.event()
        asking = asyncio.create_task(client.post("/bus/work/request?timeout=10s", {"payload": "?"}))
        question = (await stream.event())["data"]["envelope"]
        assert (question["kind"], question["reply_to"][:12]) == ("request", "topic:reply.")
        topic = question["reply_to"].removeprefix("topic:")
        answer = {"payload": "!", "kind": "reply", "correlation": question["correlation"]}
        await client.post(f"/bus/{topic}", answer)
        assert (await asking).json["payload"] == "!"
        stream.close()


async def test_agents_are_subscribed(served: Served) -> None:
    async with served(["first", "second"]) as client:
        await client.post("/invoke", {"spec": "clerk", "input": "hello", "agent_id": "ann"})
        made = await client.post("/agents/ann/subscriptions", {"pattern": "news.>", "input": "What do you say?"})
        assert made.status == 201
        await client.post("/bus/news.a", {"payload": "rain"})
        async with asyncio.timeout(10):
            while len((await client.get("/runs?agent_id=ann&status=done")).json["items"]) < 2:
                await asyncio.sleep(0.02)
        (listed,) = (await client.get("/subscriptions?agent_id=ann")).json
        assert (listed["id"], listed["pattern"]) == (made.json["id"], "news.>")
        for _ in range(2):
            ended = await client.ask("DELETE", f"/agents/ann/subscriptions/{listed['id']}")
            assert ended.status == 204
        assert (await client.get("/subscriptions")).json == []


async def test_a_consumer_keeps_its_place(served: Served) -> None:
    async with served() as client:
        await client.post("/bus/a", {"payload": 1})
        assert (await client.get("/consumers/me")).json == {"seq": 1}
        await client.post("/bus/a", {"payload": 2})
        assert (await client.post("/consumers/me", {"seq": 2})).status == 204
        assert (await client.post("/consumers/me", {"seq": 1})).status == 204
        assert (await client.get("/consumers/me")).json == {"seq": 2}
