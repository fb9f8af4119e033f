"""Every wire format against aimock, a model server that knows nothing of us: whole and streamed, tools and failures."""

import json
import os
import random
import re
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from perdure.base.clock import SystemClock
from perdure.base.errors import BrokenStream, InvalidRequest, ModelNotFound, Overloaded, RateLimited
from perdure.base.messages import (
    Finished,
    Image,
    Message,
    ModelRequest,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCallDelta,
    ToolDefinition,
    ToolResult,
)
from perdure.base.usage import Usage
from perdure.compute.port import generate
from perdure.compute.registry import Models
from perdure.compute.transport.choosing import ChoosingTransport
from perdure.compute.transport.port import Post

CACHE = Path(os.environ.get("PERDURE_TEST_CACHE") or Path(__file__).parents[2] / ".cache")
CLI = CACHE / "aimock/node_modules/@copilotkit/aimock/dist/cli.js"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(not CLI.exists(), reason="aimock is not installed: run scripts/fetch-aimock"),
]

HAIKU = "An old silent pond.\nA frog jumps into the pond — splash!\nSilence again. \U0001f438"
USAGE = {
    **{"prompt_tokens": 21, "completion_tokens": 19, "total_tokens": 40},
    **{"input_tokens": 21, "output_tokens": 19},
    **{"promptTokenCount": 21, "candidatesTokenCount": 19, "totalTokenCount": 40},
}
FIXTURES = [
    {"match": {"userMessage": "write a haiku"}, "response": {"content": HAIKU, "usage": USAGE}},
    {"match": {"userMessage": "think first"}, "response": {"content": "Four.", "reasoning": "Two and two is four."}},
    {
        "match": {"userMessage": "weather in two towns", "hasToolResult": False},
        "response": {
            "content": "I will look.",
            "toolCalls": [
                {"name": "get_weather", "arguments": {"town": "Łódź", "days": 2}},
                {"name": "get_weather", "arguments": {"town": "Bern", "days": 1}},
            ],
        },
    },
    {
        "match": {"userMessage": "weather in two towns", "hasToolResult": True},
        "response": {"content": "Rain in both."},
    },
    {"match": {"userMessage": "what is in the picture"}, "response": {"content": "A red dot."}},
    {
        "match": {"userMessage": "as json"},
        "response": {"content": '{"answer":4}'},
    },
    {
        "match": {"userMessage": "too many"},
        "response": {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 11},
    },
    {"match": {"userMessage": "broken server"}, "response": {"error": {"message": "it broke"}, "status": 500}},
    {
        "match": {"userMessage": "bad request"},
        "response": {"error": {"message": "no such field", "type": "invalid_request_error"}, "status": 400},
    },
    {"match": {"userMessage": "cut it short"}, "response": {"content": HAIKU * 5}, "truncateAfterChunks": 3},
]

PROVIDERS = {
    "compatible": "/v1",
    "openai": "/v1",
    "ollama": "/v1",
    "openai-responses": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
}
NAMES = {"anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
WEATHER = ToolDefinition(
    "get_weather",
    "The weather in a town.",
    {
        "type": "object",
        "properties": {"town": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["town"],
        "additionalProperties": False,
    },
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def aimock(tmp_path_factory):
    """The server's address. It takes a free port and says which."""
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
    command = [NODE, CLI, "-p", "0", "-f", folder / "fixtures.json", "--validate-on-load"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if match := re.search(r"listening on (http://\S+)", line):
                break
        else:
            pytest.fail("aimock did not start: " + "".join(said))
        yield match[1]
        process.terminate()
        process.stdout.read()


class Hasty(SystemClock):
    """A clock on which no wait takes time."""

    async def sleep(self, ms):
        await super().sleep(0)


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request):
    return request.param


@asynccontextmanager
async def asking(aimock, provider, attempts=1):
    transport = ChoosingTransport({})
    models = Models(
        transport=transport,
        clock=SystemClock(),
        chance=random.Random(1).random,
        environment={},
        settings={provider: {"base_url": aimock + PROVIDERS[provider], "api_key": "test"}},
        attempts=attempts,
    )
    try:
        yield models.model(f"{provider}/{NAMES.get(provider, 'gpt-4o-mini')}")
    finally:
        await transport.close()


async def ask(aimock, provider, request):
    """The answer and the deltas before it."""
    async with asking(aimock, provider) as model:
        *deltas, last = [delta async for delta in model.stream(request)]
    assert isinstance(last, Finished)
    assert bool(deltas) == request.stream
    return last.response, deltas


def saying(text, *parts, **options):
    return ModelRequest(model="", messages=(Message("user", (Text(text), *parts)),), max_tokens=2_000, **options)


async def test_text(aimock, provider, streamed):
    request = saying("write a haiku", system="Be brief.", temperature=0.5, stream=streamed)
    response, deltas = await ask(aimock, provider, request)
    assert response.text == HAIKU
    assert response.stop == "end"
    assert response.model.startswith(provider + "/")
    assert response.usage == Usage(21, 19)
    if streamed:
        assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == HAIKU
        assert len(deltas) > 2


async def test_thinking(aimock, provider, streamed):
    response, deltas = await ask(aimock, provider, saying("think first", stream=streamed, thinking_tokens=1_024))
    assert response.text == "Four."
    assert response.parts[0].text == "Two and two is four."
    assert isinstance(response.parts[0], Thinking)
    if streamed:
        thought = "".join(delta.text for delta in deltas if isinstance(delta, ThinkingDelta))
        assert thought == "Two and two is four."


async def test_two_tool_calls_and_their_results(aimock, provider, streamed):
    question = saying("weather in two towns", tools=(WEATHER,), stream=streamed)
    first, deltas = await ask(aimock, provider, question)
    assert first.stop == "tool_calls" or provider == "gemini"  # Gemini says STOP, aimock an invention of its own
    assert [(part.name, part.arguments) for part in first.tool_calls] == [
        ("get_weather", {"town": "Łódź", "days": 2}),
        ("get_weather", {"town": "Bern", "days": 1}),
    ]
    assert len({part.id for part in first.tool_calls}) == 2
    if streamed:
        for index, call in enumerate(first.tool_calls):
            pieces = [delta for delta in deltas if isinstance(delta, ToolCallDelta) and delta.index == index]
            assert pieces[0].name == "get_weather"
            assert json.loads("".join(piece.arguments for piece in pieces)) == call.arguments
    results = tuple(ToolResult(part.id, part.name, (Text("rain"),)) for part in first.tool_calls)
    messages = (*question.messages, Message("assistant", first.parts), Message("tool", results))
    second, _ = await ask(aimock, provider, msgspec.structs.replace(question, messages=messages))
    assert (second.text, second.stop) == ("Rain in both.", "end")


async def test_images(aimock, provider, streamed):
    request = saying("what is in the picture", Image("image/png", data=PIXEL), stream=streamed)
    response, _ = await ask(aimock, provider, request)
    assert response.text == "A red dot."


async def test_an_answer_against_a_schema(aimock, provider, streamed):
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    response, _ = await ask(aimock, provider, saying("as json", output_schema=schema, stream=streamed))
    assert json.loads(response.text) == {"answer": 4}


@pytest.mark.parametrize(
    ("said", "expected"),
    [("too many", RateLimited), ("broken server", Overloaded), ("bad request", InvalidRequest)],
)
async def test_failures(aimock, provider, streamed, said, expected):
    with pytest.raises(expected) as caught:
        await ask(aimock, provider, saying(said, stream=streamed))
    assert caught.value.facts["model"].startswith(provider)
    if expected is RateLimited:
        assert caught.value.retry_after == 11


async def test_what_no_fixture_answers_is_refused(aimock, provider, streamed):
    with pytest.raises((ModelNotFound, InvalidRequest, Overloaded)):
        await ask(aimock, provider, saying("something else altogether", stream=streamed))


async def test_a_stream_that_is_cut_is_never_an_answer(aimock, provider):
    async with asking(aimock, provider) as model:
        shown = []
        with pytest.raises(BrokenStream):
            async for delta in model.stream(saying("cut it short", stream=True)):
                shown.append(delta)
    assert not any(isinstance(delta, Finished) for delta in shown)


async def test_chaos_is_survived_by_asking_again(aimock, provider):
    """aimock fails at random; with enough attempts every call is answered, and answered whole."""
    chaos = json.dumps({"dropRate": 0.15, "malformedRate": 0.15, "disconnectRate": 0.15}).encode()
    transport = ChoosingTransport({})
    told = {"content-type": "application/json", "x-test-id": provider}
    assert (await transport.post(Post(aimock + "/__aimock/chaos", chaos, told))).status == 200

    models = Models(
        transport=transport,
        clock=Hasty(),
        chance=random.Random(1).random,
        environment={},
        settings={
            provider: {
                "base_url": aimock + PROVIDERS[provider],
                "api_key": "test",
                "headers": {"x-test-id": provider},
            }
        },
        attempts=30,
    )
    model = models.model(f"{provider}/{NAMES.get(provider, 'gpt-4o-mini')}")
    for streamed in [False, True] * 10:
        assert (await generate(model, saying("write a haiku", stream=streamed))).text == HAIKU
    await transport.close()
