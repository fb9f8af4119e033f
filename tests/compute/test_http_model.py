"""Against a real socket: everything that a model server can do, and what is made of it."""

import asyncio

import msgspec
import pytest

from perdure.base.errors import (
    AuthFailed,
    BrokenStream,
    ContextTooLong,
    InvalidAnswer,
    InvalidRequest,
    ModelNotFound,
    ModelTimeout,
    Overloaded,
    RateLimited,
    Unreachable,
)
from perdure.base.messages import Finished, Message, ModelRequest, Text, TextDelta
from perdure.base.usage import Usage
from perdure.compute.http_model import HttpModel
from perdure.compute.port import generate
from perdure.compute.transport.choosing import ChoosingTransport
from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.compute.wire.openai_chat import OPENAI_CHAT, QUIRKS

ANSWER = msgspec.json.encode(
    {
        "id": "c1",
        "model": "m-2025-01-01",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello there"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
)
QUESTION = ModelRequest(model="compatible/m", messages=(Message("user", (Text("Hi"),)),))
STREAMED = msgspec.structs.replace(QUESTION, stream=True)


def event(content=None, finish=None, usage=None):
    choices = [] if usage else [{"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}]
    told = {"id": "c1", "choices": choices} | ({"usage": usage} if usage else {})
    return b"data: " + msgspec.json.encode(told) + b"\n\n"


EVENTS = [
    event("Hello "),
    event("there"),
    event(finish="stop"),
    event(usage={"prompt_tokens": 9, "completion_tokens": 2}),
    b"data: [DONE]\n\n",
]


def model_at(base_url, transport, headers=None):
    return HttpModel(
        "compatible/m",
        vendor_name="m",
        wire=OPENAI_CHAT,
        transport=transport,
        base_url=base_url,
        headers=headers or {"authorization": "Bearer key"},
        quirks=QUIRKS["compatible"],
    )


def model_of(reply):
    transport = MemoryTransport(reply if callable(reply) else lambda post: reply)
    return model_at("http://m.test/v1", transport), transport


async def ask(server, behave, request=QUESTION):
    transport = ChoosingTransport({})
    try:
        async with server.run(behave):
            return await generate(model_at(server.base_url + "/v1", transport), request)
    finally:
        await transport.close()


def says(server, status, error, headers=None):
    async def behave(head, body, writer):
        writer.write(server.answer(msgspec.json.encode({"error": error}), status=status, headers=headers))

    return behave


async def test_it_asks_with_key_and_name_and_answers_under_its_full_name(server):
    async def behave(head, body, writer):
        writer.write(server.answer(ANSWER))

    response = await ask(server, behave)
    assert (response.text, response.usage, response.model) == ("Hello there", Usage(9, 2), "compatible/m")
    head, body = server.requests[0]
    assert head.startswith(b"POST /v1/chat/completions ")
    assert b"authorization: bearer key" in head.lower()
    assert b"content-type: application/json" in head.lower()
    assert msgspec.json.decode(body)["model"] == "m"


async def test_a_stream_is_told_as_it_comes_and_ends_with_the_whole(server):
    told = asyncio.Event()

    async def behave(head, body, writer):
        assert msgspec.json.decode(body)["stream"] is True
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(server.chunk(EVENTS[0]))
        await writer.drain()
        await told.wait()
        writer.write(b"".join(map(server.chunk, EVENTS[1:])) + server.chunk(b""))

    transport = ChoosingTransport({})
    deltas = []
    async with server.run(behave):
        for _ in range(2):
            async for delta in model_at(server.base_url, transport).stream(STREAMED):
                deltas.append(delta)
                told.set()
        await transport.close()
    *words, last = deltas[: len(deltas) // 2]
    assert words == [TextDelta("Hello "), TextDelta("there")]
    assert isinstance(last, Finished) and last.response.text == "Hello there"
    assert (last.response.usage, last.response.model) == (Usage(9, 2), "compatible/m")
    assert server.connections == 1


@pytest.mark.parametrize("request_", [QUESTION, STREAMED], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"message": "bad thing"}, InvalidRequest),
        (400, {"message": "too long", "code": "context_length_exceeded"}, ContextTooLong),
        (401, {"message": "no such key"}, AuthFailed),
        (404, {"message": "no such model"}, ModelNotFound),
        (429, {"message": "slower"}, RateLimited),
        (500, {"message": "oops"}, Overloaded),
        (529, {"message": "busy"}, Overloaded),
    ],
)
async def test_refusals_are_typed(server, request_, status, error, expected):
    with pytest.raises(expected, match=error["message"]) as caught:
        await ask(server, says(server, status, error), request_)
    assert caught.value.facts["model"] == "compatible/m"
    assert caught.value.facts["status"] == status


async def test_a_rate_limit_says_when_to_come_back(server):
    with pytest.raises(RateLimited) as caught:
        await ask(server, says(server, 429, {"message": "slower"}, {"retry-after": "7"}))
    assert caught.value.retry_after == 7


async def test_a_redirect_is_refused_by_name_of_its_target(server):
    async def behave(head, body, writer):
        writer.write(server.answer(b"", status=308, headers={"location": "https://elsewhere.test/v1"}))

    with pytest.raises(InvalidRequest, match=r"redirects to https://elsewhere.test/v1"):
        await ask(server, behave)
    assert len(server.requests) == 1


@pytest.mark.parametrize("request_", [QUESTION, STREAMED], ids=["whole", "streamed"])
async def test_garbage_is_an_invalid_answer(server, request_):
    async def behave(head, body, writer):
        writer.write(server.answer(b"<html>It works!</html>"))

    with pytest.raises(InvalidAnswer):
        await ask(server, behave, request_)


async def test_a_server_that_is_slow(server):
    async def behave(head, body, writer):
        await asyncio.sleep(30)

    with pytest.raises(ModelTimeout):
        await ask(server, behave, msgspec.structs.replace(QUESTION, timeout_ms=80))


async def test_a_server_that_is_not_there():
    with pytest.raises(Unreachable):
        await generate(model_at("http://127.0.0.1:9/v1", ChoosingTransport({})), QUESTION)


@pytest.mark.parametrize("ending", ["closed", "reset", "polite"])
async def test_a_stream_that_is_cut_never_finishes(server, ending):
    async def behave(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(server.chunk(EVENTS[0]) + (server.chunk(b"") if ending == "polite" else b""))
        await writer.drain()
        await asyncio.sleep(0.02)
        if ending == "reset":
            writer.transport.abort()
        writer.close()

    deltas = []
    transport = ChoosingTransport({})
    async with server.run(behave):
        with pytest.raises(BrokenStream):
            async for delta in model_at(server.base_url, transport).stream(STREAMED):
                deltas.append(delta)
        await transport.close()
    assert deltas == [TextDelta("Hello ")]


async def test_a_server_that_cannot_stream_is_heard_anyway():
    model, _ = model_of(Reply([ANSWER], headers={"content-type": "application/json; charset=utf-8"}))
    deltas = [delta async for delta in model.stream(STREAMED)]
    assert [type(delta) for delta in deltas] == [Finished]
    assert deltas[0].response.text == "Hello there"


async def test_what_follows_the_answer_is_not_waited_for():
    model, _ = model_of(Reply([*EVENTS, b"data: never read"], error=BrokenStream("after the end")))
    assert (await generate(model, STREAMED)).text == "Hello there"


async def test_a_stream_may_end_with_its_connection_where_the_format_allows_it():
    model, _ = model_of(Reply([b"".join(EVENTS[:3])]))
    assert (await generate(model, STREAMED)).text == "Hello there"


async def test_an_error_in_the_stream_is_typed():
    model, _ = model_of(Reply([EVENTS[0], b'data: {"error":{"message":"it broke","code":500}}\n\n']))
    with pytest.raises(Overloaded, match="it broke"):
        await generate(model, STREAMED)


async def test_a_query_in_base_url_is_kept():
    transport = MemoryTransport(lambda post: Reply([ANSWER]))
    await generate(model_at("https://x.test/openai/?api-version=1", transport), QUESTION)
    assert transport.posts[0].url == "https://x.test/openai/chat/completions?api-version=1"


async def test_the_call_has_the_time_of_the_request():
    model, transport = model_of(Reply([ANSWER]))
    await generate(model, msgspec.structs.replace(QUESTION, timeout_ms=4321))
    assert transport.posts[0].timeout_ms == 4321


async def test_a_model_that_ends_without_an_answer_broke():
    class Silent:
        name = "compatible/m"

        async def stream(self, request):
            for delta in ():
                yield delta

    with pytest.raises(BrokenStream):
        await generate(Silent(), QUESTION)
