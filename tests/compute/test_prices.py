import subprocess
import sys

import pytest

from perdure.base.messages import ModelResponse, Text
from perdure.base.usage import Usage
from perdure.compute.prices import Charge, Prices, Rate
from perdure.compute.spec import ModelSpec, Price, parse_model

AT = 1_760_000_000_000  # October 2025


def test_a_price_in_the_spec_comes_first():
    spec = ModelSpec("openai", "gpt-5-mini", price=Price(3, 15))
    assert Prices().charge(spec, Usage(1_000, 100), AT) == Charge(4_500, "spec")


def test_cached_tokens_have_their_own_price_where_one_is_stated():
    usage = Usage(1_000, 0, cached_tokens=400, cache_write_tokens=100)
    cheap = ModelSpec("compatible", "m", price=Price(3, 15, cached=0.3, cache_write=3.75))
    plain = ModelSpec("compatible", "m", price=Price(3, 15))
    assert Prices().charge(cheap, usage, AT).microusd == 500 * 3 + 400 * 0.3 + 100 * 3.75
    assert Prices().charge(plain, usage, AT).microusd == 3_000


@pytest.mark.parametrize(("tokens", "microusd"), [(1, 0), (2, 1), (3, 1), (5, 1), (6, 2), (10, 3)])
def test_a_call_is_rounded_once_half_up(tokens, microusd):
    spec = ModelSpec("compatible", "m", price=Price(0.25, 0))
    assert Prices().charge(spec, Usage(tokens), AT).microusd == microusd


def test_more_cached_than_read_is_not_a_credit():
    assert Rate(1_000_000, 0, 0, 0).cost(Usage(10, 0, cached_tokens=50)) == 0


def test_the_project_may_state_a_price():
    prices = Prices({"compatible/m": Price(1, 1)})
    assert prices.charge(parse_model("compatible/m"), Usage(10, 10), AT) == Charge(20, "project")


@pytest.mark.parametrize("name", ["demo/planner", "scripted/x", "ollama/m", "vllm/m", "llamacpp/m"])
def test_what_runs_at_home_is_free(name):
    assert Prices().charge(parse_model(name), Usage(10, 10), AT) == Charge(0, "free")


@pytest.mark.parametrize("name", ["compatible/m", "openai/no-such-model-at-all", "inhouse/m"])
def test_an_unknown_price_is_none_so_that_budgets_fail_closed(name):
    assert Prices().charge(parse_model(name), Usage(10, 10), AT) is None


@pytest.mark.parametrize(
    ("name", "microusd"),
    [
        ("openai/gpt-4o-mini", 210),
        ("openai-responses/gpt-4o-mini", 210),
        ("anthropic/claude-sonnet-4-5", 4_500),
        ("gemini/gemini-2.0-flash", 140),
    ],
)
def test_the_table_knows_the_usual_models(name, microusd):
    """Prices of October 2025: dollars per million of 0.15/0.60, 3/15 and 0.10/0.40."""
    prices = Prices()
    charge = prices.charge(parse_model(name), Usage(1_000, 100), AT)
    assert charge.microusd == microusd
    assert charge.version.startswith("genai-prices ")
    assert prices.charge(parse_model(name), Usage(1_000, 100), AT) == charge


def test_the_quick_way_costs_what_the_library_says():
    import genai_prices

    usage = genai_prices.Usage(input_tokens=7_777, output_tokens=333, cache_read_tokens=1_234)
    slow = genai_prices.calc_price(usage, "gpt-5-mini", provider_id="openai").total_price
    prices, ours = Prices(), Usage(7_777, 333, cached_tokens=1_234)
    for _ in range(2):
        assert abs(prices.charge(parse_model("openai/gpt-5-mini"), ours, AT).microusd - slow * 1_000_000) <= 0.5


def test_a_price_with_steps_is_left_to_the_library():
    """Gemini 2.5 Pro costs more per token past 200,000 tokens of input."""
    prices, spec = Prices(), parse_model("gemini/gemini-2.5-pro")
    small, large = (prices.charge(spec, Usage(tokens), AT).microusd for tokens in (100_000, 300_000))
    assert large > 3 * small


def test_an_answer_is_charged_by_the_model_that_gave_it():
    spec = parse_model(
        {
            "provider": "compatible",
            "name": "a",
            "price": {"input": 1, "output": 1},
            "fallback": [{"provider": "compatible", "name": "b", "price": {"input": 5, "output": 5}}],
        }
    )
    prices = Prices()
    for name, microusd in (("compatible/a", 20), ("compatible/b", 100)):
        response = ModelResponse((Text("x"),), usage=Usage(10, 10), model=name)
        assert prices.charge_answer(spec, response, AT) == Charge(microusd, "spec")
    assert prices.charge_answer(spec, ModelResponse((Text("x"),), model="compatible/a"), AT) is None
    assert prices.at_most(spec, Usage(10, 10), AT) == Charge(100, "spec")


def test_a_chain_with_an_unknown_price_has_none():
    spec = parse_model({"provider": "demo", "name": "planner", "fallback": ["compatible/m"]})
    assert Prices().at_most(spec, Usage(1, 1), AT) is None


def test_the_library_is_not_imported_where_nobody_needs_it():
    code = """
import sys
from perdure.base.usage import Usage
from perdure.compute.prices import Prices
from perdure.compute.spec import parse_model
Prices().charge(parse_model("demo/planner"), Usage(1, 1), 0)
Prices().charge(parse_model("compatible/m"), Usage(1, 1), 0)
sys.exit("genai_prices" in sys.modules or "pydantic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
