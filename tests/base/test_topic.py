"""Topics and patterns, held against a matcher that tries everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.base.errors import InputError
from perdure.base.topic import check_pattern, check_topic, is_plain, literal_prefix, matches

LEVEL = st.sampled_from(["a", "b", "c-1", "é"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map(".".join)
PATTERN = st.tuples(
    st.lists(st.one_of(LEVEL, st.just("*")), max_size=3), st.one_of(LEVEL, st.just("*"), st.just(">"))
).map(lambda parts: ".".join((*parts[0], parts[1])))


def chooses(pattern: list[str], topic: list[str]) -> bool:
    """What the words of the module say, one level at a time."""
    if not pattern or not topic:
        return not pattern and not topic
    head, *rest = pattern
    if head == ">":
        return True
    return head in ("*", topic[0]) and chooses(rest, topic[1:])


@given(PATTERN, TOPIC)
def test_a_pattern_chooses_what_its_levels_say(pattern: str, topic: str) -> None:
    levels = pattern.split(".")
    if len(levels) > 1 and levels[-1] == "*":
        levels[-1] = ">"
    assert matches(pattern, topic) == chooses(levels, topic.split("."))
    if matches(pattern, topic):
        assert topic.startswith(literal_prefix(pattern))
    assert is_plain(pattern) == (pattern == pattern.replace("*", "").replace(">", ""))


@pytest.mark.parametrize(
    ("pattern", "chosen", "not_chosen"),
    [
        ("orders.>", ["orders.a", "orders.a.b"], ["orders", "order.a"]),
        ("orders.*", ["orders.a", "orders.a.b"], ["orders"]),
        ("orders.*.eu", ["orders.a.eu"], ["orders.eu", "orders.a.b.eu"]),
        ("*", ["orders"], ["orders.a"]),
        (">", ["orders", "orders.a.b"], []),
    ],
)
def test_stars_and_the_rest(pattern: str, chosen: list[str], not_chosen: list[str]) -> None:
    assert all(matches(pattern, topic) for topic in chosen)
    assert not any(matches(pattern, topic) for topic in not_chosen)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a b", "a/b", "a\n", "a.*", ">", "x" * 256, "a." * 40])
def test_what_is_no_topic_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_topic(text)


@pytest.mark.parametrize("text", ["", "a.", "a.>.b", "a*", "**", "a.b>", "a b", ">.a", "x" * 256])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        check_pattern(text)


def test_every_topic_is_a_pattern() -> None:
    for topic in ("orders", "orders.failed.eu", "market.price.BRK-B", "reply.env_01", "user.a@b+c"):
        assert check_pattern(check_topic(topic)) == topic
