import msgspec
import pytest

from perdure.base.errors import ConfigError, UnknownProvider
from perdure.base.messages import ModelRequest
from perdure.compute.spec import ModelSpec, Price, parse_model


def test_a_name_is_the_short_form():
    spec = parse_model("openrouter/anthropic/claude-sonnet-4.5")
    assert (spec.provider, spec.name, spec.full_name) == (
        "openrouter",
        "anthropic/claude-sonnet-4.5",
        "openrouter/anthropic/claude-sonnet-4.5",
    )


def test_the_long_form_is_a_mapping():
    spec = parse_model(
        {
            "provider": "compatible",
            "name": "m",
            "base_url": "http://127.0.0.1:8000/v1",
            "api_key": "x",
            "headers": {"x-team": "a"},
            "price": {"input": 0, "output": 1.5, "cached": 0.1},
            "temperature": 0,
            "max_tokens": 1000,
            "top_p": 0.9,
            "stop": ["END"],
            "timeout": "90s",
            "fallback": ["openai/gpt-5-mini", {"provider": "ollama", "name": "qwen3"}],
            "extra": {"top_k": 3},
        }
    )
    assert spec.price == Price(0, 1.5, 0.1)
    assert [link.full_name for link in spec.chain] == ["compatible/m", "openai/gpt-5-mini", "ollama/qwen3"]
    assert parse_model(spec) is spec


def test_it_says_how_a_request_is_to_be_asked():
    spec = ModelSpec("openai", "m", temperature=0.0, stop=("END",), timeout=1.5, extra={"seed": 1}, max_tokens=5)
    asked = spec.apply(ModelRequest(model="", messages=(), top_p=0.3, max_tokens=9))
    assert (asked.model, asked.temperature, asked.max_tokens, asked.top_p) == ("openai/m", 0.0, 5, 0.3)
    assert (asked.stop, asked.timeout_ms, asked.extra) == (("END",), 1_500, {"seed": 1})
    plain = ModelSpec("openai", "m").apply(ModelRequest(model="", messages=(), stop=("X",)))
    assert (plain.stop, plain.timeout_ms) == (("X",), 120_000)


@pytest.mark.parametrize("text", ["", "gpt-5-mini", "openai/", "/x"])
def test_a_name_without_provider_is_refused(text):
    with pytest.raises(UnknownProvider, match="provider/name"):
        parse_model(text)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"provider": "openai"}, "name"),
        ({"provider": "openai", "name": ""}, "provider and a name"),
        ({"provider": "openai", "name": "m", "temprature": 1}, "temprature"),
        ({"provider": "openai", "name": "m", "max_tokens": "many"}, "max_tokens"),
        ({"provider": "openai", "name": "m", "timeout": "soon"}, "not a duration"),
        ({"provider": "openai", "name": "m", "timeout": 0}, "timeout"),
        ({"provider": "openai", "name": "m", "price": {"input": -1, "output": 0}}, "price.input"),
        ({"provider": "openai", "name": "m", "price": {"input": 1}}, "output"),
    ],
)
def test_what_is_wrong_is_named(wrong, told):
    with pytest.raises(ConfigError, match=told):
        parse_model(wrong)


def test_a_spec_survives_being_stored():
    spec = parse_model(
        {"provider": "openai", "name": "m", "fallback": ["ollama/x"], "price": {"input": 1, "output": 2}}
    )
    assert msgspec.json.decode(msgspec.json.encode(spec), type=ModelSpec) == spec
