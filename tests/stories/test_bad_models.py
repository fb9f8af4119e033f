"""Model servers that misbehave: a clear error with a code, nothing lost, and the run goes on once they are well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import tool
from perdure.base.clock import SystemClock

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "well again"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "half a "}}]}
LAST = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "well again"}, "finish_reason": "stop"}]}
HANG = b""


class Hurried(SystemClock):
    """Waits between attempts are cut short."""

    async def sleep(self, ms: float) -> None:
        await super().sleep(min(ms, 20))


def http(status: str, body: Any, kind: str = "application/json") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
    return head.encode() + data


def refusal(status: str, **error: Any) -> bytes:
    return http(status, {"error": {"message": "no", **error}})


def events(*chunks: Any, done: bool = True) -> bytes:
    text = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n" * done
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n" % (len(text), text) + b"0\r\n\r\n" * done


WELL = http("200 OK", ANSWER)


class Server:
    """Answers each request with the next of `answers`, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[bytes] = [WELL]
        self.asked: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.asked.append(json.loads(await reader.readexactly(length)))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer == HANG:
                await reader.read()  # until the client gives up
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def talking(folder: Path, **more: Any) -> AsyncIterator[tuple[perdure.Runtime, Server, dict[str, Any]]]:
    """A runtime, a server, and an agent whose model is on that server."""
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    model = {
        "provider": "compatible",
        "name": "m",
        "base_url": f"http://127.0.0.1:{port}/v1",
        "api_key": "x",
        "price": {"input": 0, "output": 0},
        "timeout": "2s",
    }
    agent = {"name": "talker", "model": {**model, **more}}
    async with listener, perdure.open(folder, clock=Hurried()) as rt:
        yield rt, server, agent


@pytest.mark.parametrize(
    ("answer", "code", "attempts"),
    [
        (refusal("400 Bad Request", code="nonsense"), "model.invalid_request", 1),
        (refusal("401 Unauthorized"), "model.auth", 1),
        (refusal("403 Forbidden"), "model.auth", 1),
        (refusal("404 Not Found"), "model.not_found", 1),
        (refusal("400 Bad Request", code="context_length_exceeded"), "model.context_too_long", 1),
        (refusal("429 Too Many Requests"), "model.rate_limited", 3),
        (refusal("500 Internal Server Error"), "model.overloaded", 3),
        (http("503 Unavailable", b"<html>down</html>", "text/html"), "model.overloaded", 3),
        (http("200 OK", b"{garbage", "application/json"), "model.invalid_answer", 3),
        (http("200 OK", b"\xff\xfe\x00", "application/json"), "model.invalid_answer", 3),
        (http("200 OK", {"choices": []}), "model.invalid_answer", 3),
        (http("200 OK", [1, 2]), "model.invalid_answer", 3),
        (http("200 OK", b"", "application/json"), "model.invalid_answer", 3),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{", "model.broken_stream", 3),
        (b"what is http?\r\n\r\n", "model.invalid_answer", 3),
    ],
)
async def test_an_answer_that_is_none(tmp_path: Path, answer: bytes, code: str, attempts: int) -> None:
    async with talking(tmp_path) as (rt, server, agent):
        server.answers = [answer]
        failed = await rt.run(agent, "hello")
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error["code"] == code, failed.error
        assert failed.error["message"]
        assert len(server.asked) == attempts
        server.answers = [WELL]
        again = await rt.resume(failed.run_id)
        assert (again.status, again.output) == ("done", "well again")
        assert (await rt.run(agent, "and another", agent=failed.agent_id)).output == "well again"
        assert await rt.store.verify(failed.agent_id) == []
        assert (await rt.replay(failed.run_id)).verdict == "same"


async def test_a_server_that_comes_to_itself_is_asked_again(tmp_path: Path) -> None:
    async with talking(tmp_path) as (rt, server, agent):
        server.answers = [refusal("500 Internal Server Error"), refusal("429 Too Many Requests"), WELL]
        assert (await rt.run(agent, "hello")).output == "well again"
        assert len(server.asked) == 3


async def test_a_server_that_never_answers(tmp_path: Path) -> None:
    async with talking(tmp_path, timeout="300ms") as (rt, server, agent):
        server.answers = [HANG]
        failed = await rt.run(agent, "hello")
        assert failed.error is not None and failed.error["code"] == "model.timeout"
        server.answers = [WELL]
        assert (await rt.resume(failed.run_id)).output == "well again"


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    async with talking(tmp_path, base_url="http://127.0.0.1:9/v1") as (rt, _, agent):
        failed = await rt.run(agent, "hello")
        assert failed.error is not None and failed.error["code"] == "model.unreachable"
        assert await rt.store.verify(failed.agent_id) == []


async def test_a_stream_that_is_cut_is_begun_anew_and_half_a_message_is_kept_by_nobody(tmp_path: Path) -> None:
    async with talking(tmp_path) as (rt, server, agent):
        server.answers = [events(CHUNK, done=False), events(LAST)]
        heard = [event async for event in rt.stream(agent, "hello")]
        assert [event.type for event in heard] == ["accepted", "text", "restart", "text", "model", "result"]
        result = heard[-1].result
        assert result is not None and result.output == "well again"
        server.answers = [WELL]
        await rt.run(agent, "what did you say?", agent=result.agent_id)
        assert [message["content"] for message in server.asked[-1]["messages"]] == [
            "hello",
            "well again",
            "what did you say?",
        ]


@pytest.mark.parametrize(
    "answer",
    [
        events(CHUNK, done=False),
        events({"garbage": 1}, done=False),
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ndata",
    ],
)
async def test_a_stream_that_is_always_cut(tmp_path: Path, answer: bytes) -> None:
    async with talking(tmp_path) as (rt, server, agent):
        server.answers = [answer]
        heard = [event async for event in rt.stream(agent, "hello")]
        failed = heard[-1].result
        assert failed is not None and failed.error is not None
        assert failed.error["code"] in ("model.broken_stream", "model.invalid_answer")
        server.answers = [WELL]
        assert (await rt.resume(failed.run_id)).output == "well again"
        assert await rt.store.verify(failed.agent_id) == []


@tool(effect="read")
def double(n: int) -> int:
    """Double a number."""
    return 2 * n


def calling(name: str, arguments: str) -> bytes:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return http("200 OK", {**ANSWER, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("double", '{"n": "many"}', "n"),
        ("double", '{"m": 4}', "n"),
        ("double", "{}", "n"),
        ("double", "[1]", "object"),
        ("double", '{"n": 4', "not valid JSON"),
        ("dubble", '{"n": 4}', "Did you mean double?"),
        ("rm -rf /", "{}", "there is no tool"),
        ("double", '{"n": 4, "ctx": "x", "key": "y"}', "ctx"),
    ],
)
async def test_a_call_that_cannot_be_made_is_told_to_the_model(
    tmp_path: Path, name: str, arguments: str, told: str
) -> None:
    async with talking(tmp_path) as (rt, server, agent):
        server.answers = [calling(name, arguments), WELL]
        ended = await rt.run({**agent, "tools": [double]}, "double it")
        assert (ended.status, ended.output) == ("done", "well again")
        said = server.asked[-1]["messages"][-1]
        assert said["role"] == "tool"
        assert told in said["content"]
        assert "Traceback" not in said["content"]
        assert (await rt.replay(ended.run_id)).verdict == "same"


async def test_a_lone_surrogate_in_what_the_model_says(tmp_path: Path) -> None:
    async with talking(tmp_path) as (rt, server, agent):
        body = json.dumps(ANSWER).replace("well again", "half \\ud83d a face").encode()
        server.answers = [http("200 OK", body)]
        ended = await rt.run(agent, "hello")
        assert ended.status == "done" or (ended.error or {})["code"] == "model.invalid_answer"
        server.answers = [WELL]
        assert (await rt.run(agent, "go on", agent=ended.agent_id)).output == "well again"
        assert await rt.store.verify(ended.agent_id) == []


async def test_no_key_and_no_provider(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, environment={}) as rt:
        for model, code in (("openai/gpt-5-mini", "model.auth"), ("opanai/x", "config.unknown_provider")):
            with pytest.raises(perdure.PerdureError) as error:
                await rt.run({"name": "talker", "model": model}, "hello")
            assert error.value.code in (code, "config.invalid_file"), error.value
            assert error.value.hint
        assert (await rt.store.agents()).items == []
