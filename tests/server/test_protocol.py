"""Requests that are too large, too slow, broken off or no HTTP at all."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from perdure.base.messages import ModelResponse, Text, ToolCall
from perdure.server import protocol

Served = Callable[..., AbstractAsyncContextManager[Any]]


def problem(raw: bytes) -> tuple[int, str]:
    head, _, content = raw.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head and b"connection: close" in head
    return int(head.split(b" ")[1]), json.loads(content)["code"]


async def test_what_is_no_http(served: Served) -> None:
    async with served() as client:
        for nonsense in (b"hello\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /\xff HTTP/1.1\r\n\r\n"):
            assert problem(await client.raw(nonsense)) == (400, "request.malformed")
        assert (await client.get("/healthz")).status == 200


async def test_a_head_has_a_size(served: Served) -> None:
    async with served() as client:
        for head in (b"GET /" + b"x" * 70_000, b"GET / HTTP/1.1\r\na: " + b"x" * 70_000):
            assert problem(await client.raw(head + b"\r\n\r\n")) == (431, "request.head_too_large")
        many = b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: 12345678\r\n" % n for n in range(10_000))
        assert problem(await client.raw(many)) == (431, "request.head_too_large")


async def test_a_body_has_a_size(served: Served, project: Path) -> None:
    (project / "perdure.toml").write_text("[server]\nmax_body = 2048\n")
    async with served(["ok"]) as client:
        answer = await client.post("/invoke", {"spec": "clerk", "input": "x" * 3_000})
        assert (answer.status, answer.json["code"], answer.json["facts"]) == (413, "request.too_large", {"limit": 2048})
        chunks = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(4)) + b"0\r\n\r\n"
        head = (
            f"POST /invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client.token}\r\nconnection: close\r\n"
        )
        raw = await client.raw(head.encode() + b"transfer-encoding: chunked\r\n\r\n" + chunks)
        assert raw.startswith(b"HTTP/1.1 413 ")


async def test_what_takes_too_long_to_arrive(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "ARRIVAL_S", 0.1)
    async with served() as client:
        assert await client.raw(b"") == b""
        assert problem(await client.raw(b"GET /healthz HTTP/1.1\r\nhost: loc")) == (408, "request.timeout")
        head = f"POST /invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client.token}\r\n"
        assert problem(await client.raw(head.encode() + b"content-length: 10\r\n\r\n{")) == (408, "request.timeout")


async def test_patience_ends_with_the_request_not_with_the_answer(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "ARRIVAL_S", 0.1)
    async with served(["ok"]) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 OK")
            await asyncio.sleep(0.2)
        writer.close()


async def test_a_client_that_goes_away_in_the_middle(served: Served) -> None:
    async with served(["ok"]) as client:
        head = f"POST /invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client.token}\r\n"
        await client.raw(head.encode() + b"content-length: 10\r\n\r\n{", end=True)
        _, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(head.encode() + b"content-length: 10\r\n\r\n{")
        await writer.drain()
        writer.transport.abort()
        assert (await client.get("/healthz")).status == 200


async def test_a_client_that_says_no_more_but_listens_gets_its_answer(served: Served) -> None:
    async with served(["ok"]) as client:
        body = b'{"spec": "clerk", "input": "x"}'
        head = f"POST /invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client.token}\r\n"
        raw = await client.raw(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body, end=True)
        assert raw.startswith(b"HTTP/1.1 200 ") and b'"output":"ok"' in raw
        assert await client.raw(b"", end=True) == b""
        assert (await client.raw(b"GET /healthz HTTP/1.0\r\n\r\n", end=True)).endswith(b'{"status":"ok","reason":""}')


async def test_a_stream_whose_client_says_no_more_is_over(served: Served) -> None:
    async with served([ModelResponse((ToolCall("c1", "ask", {"question": "?"}),))]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        head = f"GET /runs/{run}/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client.token}\r\n\r\n"
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(head.encode())
        await reader.readuntil(b"event: waiting")
        writer.write_eof()
        await reader.read()
        async with asyncio.timeout(5):
            while client.runtime.engine.live.watched(run):
                await asyncio.sleep(0.01)
        writer.close()


async def test_a_client_that_takes_nothing_is_cut_off_and_misses_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "STALLED_S", 0.2)
    said = "x" * 12_000_000  # more than the sockets hold
    async with served([ModelResponse((Text(said), ToolCall("c1", "ask", {"question": "?"}))), "done"]) as client:
        run = (await client.post("/invoke", {"spec": "clerk", "input": "x"})).json["run_id"]
        watched = client.runtime.engine.live.watched
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, (client.host, client.port))
        head = f"GET /runs/{run}/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {client.token}\r\n\r\n"
        narrow.send(head.encode())
        for is_followed in (True, False):
            async with asyncio.timeout(10):
                while watched(run) is not is_followed:
                    await asyncio.sleep(0.01)
        narrow.close()
        await client.runtime.approve(run, "yes")
        back = await client.get(f"/runs/{run}/events", last_event_id="1")
        assert said.encode() in back.content
        assert back.events[-1]["data"]["result"]["output"] == "done"


async def test_requests_one_behind_the_other(served: Served) -> None:
    async with served() as client:
        once = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"
        raw = await client.raw((once + b"\r\n") * 3 + once + b"connection: close\r\n\r\n")
        assert raw.count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "request.no_such_route"),
        ("GET", "/runs/", 404, "request.no_such_route"),
        ("PUT", "/runs", 405, "request.method"),
        ("GET", "/invoke", 405, "request.method"),
        ("BREW", "/runs", 400, "request.malformed"),
        ("GET", "/runs?limit=0", 422, "request.invalid"),
        ("GET", "/runs?limit=x", 422, "request.invalid"),
        ("GET", "/runs?colour=red", 422, "request.invalid"),
        ("GET", f"/runs?since_ms={10**24}", 422, "request.invalid"),
        ("GET", f"/runs/run_00000000/events?after={10**24}", 422, "request.invalid"),
        ("GET", "/runs?status=asleep", 422, "request.invalid"),
        ("GET", "/runs?cursor=x", 422, "request.invalid"),
        ("GET", "/runs?agent_id=%ff", 400, "request.malformed"),
        ("GET", "/runs/run_00000000", 404, "run.not_found"),
        ("GET", "/traces/run_00000000", 404, "run.not_found"),
        ("POST", "/approvals/nothing/approve", 404, "approval.not_found"),
    ],
)
async def test_what_cannot_be_answered(served: Served, method: str, path: str, status: int, code: str) -> None:
    async with served() as client:
        answer = await client.ask(method, path)
        assert (answer.status, answer.json["code"]) == (status, code)
        if status == 405:
            assert answer.headers["allow"]


async def test_a_body_is_json(served: Served) -> None:
    async with served() as client:
        answer = await client.post("/invoke", b"spec=clerk", content_type="application/x-www-form-urlencoded")
        assert (answer.status, answer.json["code"]) == (415, "request.media_type")
