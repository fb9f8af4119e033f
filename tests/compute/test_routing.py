from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.errors import NoProviderAvailable
from perdure.compute.policy import ComputePolicy
from perdure.compute.routing import Candidate, choose

IDS = ["acme", "bolt", "core"]
MODELS = ["big", "small"]


@st.composite
def candidates(draw):
    provider = draw(st.sampled_from(IDS))
    return Candidate(
        provider=provider,
        model=f"{provider}/{draw(st.sampled_from(MODELS))}",
        microusd=draw(st.none() | st.integers(0, 1000)),
        ttft_ms=draw(st.integers(1, 2000)),
        tokens_per_second=draw(st.integers(1, 200)),
        measured=draw(st.booleans()),
        status=draw(st.sampled_from(["available", "degraded", "unavailable"])),
    )


NAMES = st.lists(st.sampled_from([*IDS, "b*"]), max_size=2).map(tuple)
WORDS = st.lists(st.sampled_from([*MODELS, "acme/big", "*/small"]), max_size=2).map(tuple)
POLICIES = st.builds(
    ComputePolicy,
    allowed_providers=NAMES,
    blocked_providers=NAMES,
    allowed_models=WORDS,
    blocked_models=WORDS,
    prefer=st.sampled_from(["cost", "latency", "quality", "balanced"]),
    fallback_provider=st.none() | st.sampled_from(IDS),
)


def told(patterns, *names):
    return any(fnmatchcase(name, one) for one in patterns for name in names)


def may(one, policy, most):
    bare = one.model.partition("/")[2]
    return (
        not told(policy.blocked_providers, one.provider)
        and not told(policy.blocked_models, one.model, bare)
        and (not policy.allowed_providers or told(policy.allowed_providers, one.provider))
        and (not policy.allowed_models or told(policy.allowed_models, one.model, bare))
        and one.status != "unavailable"
        and (most is None or one.microusd is None or one.microusd <= most)
    )


@given(st.lists(candidates(), max_size=6), POLICIES, st.none() | st.integers(0, 1000))
def test_it_is_one_that_may_and_can_and_there_is_none_better(offered, policy, most):
    able = [one for one in offered if may(one, policy, most)]
    if not able:
        with pytest.raises(NoProviderAvailable):
            choose(offered, policy, model="any", max_cost=most)
        return
    chosen = choose(offered, policy, model="any", max_cost=most)
    assert chosen in able
    others = [one for one in able if one.provider != policy.fallback_provider]
    assert chosen.provider != policy.fallback_provider or not others
    same = [one for one in others or able if one.status == "available"] or others or able
    assert chosen in same
    cost = [float("inf") if one.microusd is None else one.microusd for one in same]
    mine = float("inf") if chosen.microusd is None else chosen.microusd
    match policy.prefer:
        case "cost":
            assert mine == min(cost)
        case "latency":
            assert chosen.ttft_ms == min(one.ttft_ms for one in same)
        case "quality":
            measured = [one for one in same if one.measured] or same
            assert chosen.tokens_per_second == max(one.tokens_per_second for one in measured)
        case "balanced":
            assert mine * chosen.ttft_ms == min(c * one.ttft_ms for c, one in zip(cost, same, strict=True))


@given(st.lists(candidates(), min_size=1, max_size=6), POLICIES, st.randoms())
def test_the_order_in_which_they_are_found_makes_no_difference(offered, policy, chance):
    shuffled = offered[:]
    chance.shuffle(shuffled)
    try:
        chosen = choose(offered, policy, model="any", max_cost=None)
    except NoProviderAvailable:
        with pytest.raises(NoProviderAvailable):
            choose(shuffled, policy, model="any", max_cost=None)
    else:
        again = choose(shuffled, policy, model="any", max_cost=None)
        assert (again.provider, again.model) == (chosen.provider, chosen.model)


def test_a_refusal_says_of_each_why_not():
    offered = [
        Candidate(provider="acme", model="acme/big", microusd=500),
        Candidate(provider="bolt", model="bolt/big", status="unavailable", why="no API key for bolt"),
        Candidate(provider="core", model="core/big"),
    ]
    policy = ComputePolicy(allowed_providers=("*",), blocked_providers=("core",))
    with pytest.raises(NoProviderAvailable) as refused:
        choose(offered, policy, model="big", max_cost=100)
    assert refused.value.facts["reasons"] == {
        "acme: acme/big": "acme/big may cost $0.0005, and $0.0001 is the most it may",
        "bolt: bolt/big": "no API key for bolt",
        "core: core/big": "the policy blocks the provider core",
    }


def test_a_policy_with_a_word_that_it_does_not_know_is_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"prefers": "cost"}', type=ComputePolicy)
