import asyncio
import random

import msgspec
import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import AuthFailed, ConfigError, ModelNotFound, UnknownProvider
from perdure.base.messages import Message, ModelRequest, Text
from perdure.compute.port import generate
from perdure.compute.provider import PROVIDERS, ProviderSettings
from perdure.compute.registry import Models
from perdure.compute.transport.memory import MemoryTransport, Reply
from perdure.testing import Scripted

QUESTION = ModelRequest(model="", messages=(Message("user", (Text("Hi"),)),))

CHAT = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}]}
ANSWERS = {
    "/chat/completions": CHAT,
    "/responses": {
        "status": "completed",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}],
    },
    "/messages": {"role": "assistant", "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn"},
    ":generateContent": {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP"}]
    },
}


def answer(post):
    path = post.url.partition("?")[0]
    body = next(body for end, body in ANSWERS.items() if path.endswith(end))
    return Reply([msgspec.json.encode(body)])


def models(environment=None, settings=None, reply=answer, clock=None, **options):
    transport = MemoryTransport(reply)
    made = Models(
        transport=transport,
        clock=clock or ManualClock(),
        chance=random.Random(1).random,
        environment=environment or {},
        settings=settings,
        **options,
    )
    return made, transport


@pytest.mark.parametrize(
    ("name", "variable", "url", "header"),
    [
        ("openai/m", "OPENAI_API_KEY", "https://api.openai.com/v1/chat/completions", ("authorization", "Bearer k")),
        ("openai-responses/m", "OPENAI_API_KEY", "https://api.openai.com/v1/responses", ("authorization", "Bearer k")),
        ("anthropic/m", "ANTHROPIC_API_KEY", "https://api.anthropic.com/v1/messages", ("x-api-key", "k")),
        (
            "gemini/m",
            "GEMINI_API_KEY",
            "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
            ("x-goog-api-key", "k"),
        ),
        (
            "gemini/m",
            "GOOGLE_API_KEY",
            "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
            ("x-goog-api-key", "k"),
        ),
        ("groq/m", "GROQ_API_KEY", "https://api.groq.com/openai/v1/chat/completions", ("authorization", "Bearer k")),
        (
            "deepseek/m",
            "DEEPSEEK_API_KEY",
            "https://api.deepseek.com/v1/chat/completions",
            ("authorization", "Bearer k"),
        ),
        ("mistral/m", "MISTRAL_API_KEY", "https://api.mistral.ai/v1/chat/completions", ("authorization", "Bearer k")),
        (
            "together/m",
            "TOGETHER_API_KEY",
            "https://api.together.xyz/v1/chat/completions",
            ("authorization", "Bearer k"),
        ),
        (
            "openrouter/m",
            "OPENROUTER_API_KEY",
            "https://openrouter.ai/api/v1/chat/completions",
            ("authorization", "Bearer k"),
        ),
        ("xai/m", "XAI_API_KEY", "https://api.x.ai/v1/chat/completions", ("authorization", "Bearer k")),
    ],
)
async def test_every_provider_is_asked_at_its_place_with_its_key(name, variable, url, header):
    made, transport = models({variable: " k\n"})
    response = await generate(made.model(name), QUESTION)
    assert (response.text, response.model) == ("yes", name)
    assert transport.posts[0].url == url
    assert transport.posts[0].headers[header[0]] == header[1]
    assert b'"model":"m"' in transport.posts[0].body or name.startswith("gemini/")


@pytest.mark.parametrize("provider", ["ollama", "vllm", "llamacpp"])
async def test_servers_of_ones_own_need_no_key(provider):
    made, transport = models()
    await generate(made.model(f"{provider}/m"), QUESTION)
    assert transport.posts[0].url.startswith("http://127.0.0.1:")
    assert "authorization" not in transport.posts[0].headers


async def test_a_compatible_server_is_where_its_base_url_says():
    made, transport = models()
    spec = {
        "provider": "compatible",
        "name": "m",
        "base_url": "http://h.test/v1/",
        "api_key": "x",
        "headers": {"X-A": "b"},
    }
    await generate(made.model(spec), QUESTION)
    assert transport.posts[0].url == "http://h.test/v1/chat/completions"
    assert transport.posts[0].headers["authorization"] == "Bearer x"
    assert transport.posts[0].headers["x-a"] == "b"


async def test_azure_has_the_deployment_in_its_path_or_the_new_address():
    made, transport = models({"AZURE_OPENAI_API_KEY": "k"})
    for base_url in ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1"):
        await generate(made.model({"provider": "azure", "name": "m", "base_url": base_url}), QUESTION)
    old, new = transport.posts
    assert old.url.startswith("https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=")
    assert new.url == "https://r.openai.azure.com/openai/v1/chat/completions"
    assert old.headers["api-key"] == "k"


async def test_the_project_may_state_key_place_and_headers():
    made, transport = models(
        settings={
            "openai": {"api_key": "p", "base_url": "http://proxy.test/v1", "headers": {"X-Team": "a"}},
            "inhouse": ProviderSettings(base_url="http://inhouse.test/v1"),
        },
        environment={"OPENAI_API_KEY": "e"},
    )
    await generate(made.model("openai/m"), QUESTION)
    await generate(made.model("inhouse/m"), QUESTION)
    first, second = transport.posts
    assert first.url == "http://proxy.test/v1/chat/completions"
    assert (first.headers["authorization"], first.headers["x-team"]) == ("Bearer p", "a")
    assert second.url == "http://inhouse.test/v1/chat/completions"


async def test_a_header_of_ones_own_takes_the_place_of_the_key():
    made, transport = models()
    await generate(made.model({"provider": "openai", "name": "m", "headers": {"Authorization": "Basic x"}}), QUESTION)
    assert transport.posts[0].headers["authorization"] == "Basic x"


def test_an_unknown_provider_is_told_with_a_guess():
    made, _ = models()
    with pytest.raises(UnknownProvider, match="did you mean 'anthropic'"):
        made.check("antropic/claude")
    with pytest.raises(UnknownProvider, match="known: openai"):
        made.check("zzz/x")
    with pytest.raises(UnknownProvider, match="'opnai'"):
        made.check({"provider": "openai", "name": "m", "fallback": ["opnai/m"]})


def test_a_missing_key_names_its_variable_but_only_when_the_model_is_built():
    made, _ = models({"OPENAI_API_KEY": "  "})
    assert made.check("openai/gpt-5-mini").name == "gpt-5-mini"
    with pytest.raises(AuthFailed, match="OPENAI_API_KEY") as caught:
        made.model("openai/gpt-5-mini")
    assert "OPENAI_API_KEY" in caught.value.hint


async def test_a_fallback_steps_in_for_a_model_without_a_key():
    made, _ = models(given={"scripted/b": Scripted(["yes"], name="scripted/b")})
    model = made.model({"provider": "openai", "name": "m", "fallback": ["scripted/b"]})
    assert model.name == "openai/m"
    assert (await generate(model, QUESTION)).model == "scripted/b"


async def test_when_no_fallback_has_a_key_either_the_error_says_so():
    made, _ = models()
    model = made.model({"provider": "openai", "name": "m", "fallback": ["groq/x"]})
    with pytest.raises(AuthFailed, match="GROQ_API_KEY") as caught:
        await generate(model, QUESTION)
    assert "OPENAI_API_KEY" in caught.value.facts["tried"]["openai/m"]


@pytest.mark.parametrize("base_url", [None, "", "127.0.0.1:8000", "file:///etc/passwd"])
def test_a_base_url_must_be_one(base_url):
    made, _ = models()
    with pytest.raises(ConfigError, match="base_url"):
        made.check({"provider": "compatible", "name": "m", "base_url": base_url})


def test_a_key_of_two_lines_is_refused_without_being_shown():
    made, _ = models({"OPENAI_API_KEY": "sk-secret\nsecond"})
    with pytest.raises(ConfigError) as caught:
        made.model("openai/m")
    assert "secret" not in str(caught.value)


def test_a_header_name_must_be_one():
    made, _ = models()
    with pytest.raises(ConfigError, match="cannot be sent"):
        made.model({"provider": "ollama", "name": "m", "headers": {"two words": "x"}})


def test_settings_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError, match=r"providers\.openai.*apikey"):
        models(settings={"openai": {"apikey": "x"}})


async def test_failures_are_retried():
    replies = iter([Reply(status=503), Reply([msgspec.json.encode(CHAT)])])
    clock = ManualClock()
    made, transport = models(reply=lambda post: next(replies), clock=clock)
    task = asyncio.ensure_future(generate(made.model("ollama/m"), QUESTION))
    await clock.advance(1_000)
    assert (await task).text == "yes"
    assert len(transport.posts) == 2


async def test_scripted_and_demo_models_need_nothing():
    made, _ = models()
    spec = {"provider": "scripted", "name": "x", "extra": {"answers": ["one"]}}
    assert (await generate(made.model(spec), QUESTION)).text == "one"
    assert "not a language model" in (await generate(made.model("demo/planner"), QUESTION)).text
    with pytest.raises(ModelNotFound):
        made.model("demo/genius")


def test_the_table_is_whole():
    for name, provider in PROVIDERS.items():
        assert bool(provider.wire) != bool(provider.factory), name
        assert provider.base_url.startswith(("https://", "http://127.0.0.1")) or name in {
            "azure",
            "compatible",
            "demo",
            "scripted",
        }
        assert not (provider.free and provider.priced_as), name


def test_it_knows_which_providers_are_set_up_and_what_is_wrong_with_others():
    made = Models(
        transport=MemoryTransport(lambda _: Reply()),
        clock=ManualClock(),
        chance=lambda: 0.0,
        environment={"GROQ_API_KEY": "k"},
        settings={"mine": {"base_url": "http://127.0.0.1:1", "models": ("small", "big")}},
        given={"scripted/a": Scripted([])},
    )
    assert made.configured() == {"mine": ("small", "big"), "groq": (), "scripted": ("a",)}
    assert (made.problem("mine"), made.problem("groq")) == ("", "")
    assert "OPENAI_API_KEY is not set" in made.problem("openai")
    assert "no provider is called" in made.problem("nobody")
    assert [made.embeds(name) for name in ("mine", "openai", "anthropic", "nobody")] == [True, True, False, False]
