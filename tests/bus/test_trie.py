"""The trie finds what a naive matcher finds, whatever was added and taken out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perdure.base.topic import matches
from perdure.bus.trie import REMEMBERED, Trie

LEVEL = st.sampled_from(["a", "b", "c"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map(".".join)
PATTERN = st.tuples(
    st.lists(st.one_of(LEVEL, st.just("*")), max_size=3), st.one_of(LEVEL, st.just("*"), st.just(">"))
).map(lambda parts: ".".join((*parts[0], parts[1])))
CHANGE = st.tuples(st.booleans(), PATTERN, st.integers(0, 3))


@given(st.lists(CHANGE, max_size=12), st.lists(TOPIC, max_size=4))
def test_it_finds_what_the_patterns_choose(changes: list[tuple[bool, str, int]], topics: list[str]) -> None:
    trie: Trie[int] = Trie()
    kept: dict[tuple[str, int], None] = {}
    for is_added, pattern, item in changes:
        same = pattern[:-1] + ">" if pattern.endswith(".*") else pattern  # the same, written in another way
        if is_added:
            trie.add(pattern, item)
            kept[same, item] = None
        else:
            trie.discard(pattern, item)
            kept.pop((same, item), None)
        assert len(trie) == len(kept)
        for topic in topics:
            found = trie.match(topic)
            assert sorted(found) == sorted({one for pattern, one in kept if matches(pattern, topic)})


def test_topics_that_nobody_wants_do_not_pile_up() -> None:
    trie: Trie[int] = Trie()
    trie.add("a.>", 1)
    for n in range(REMEMBERED * 2):
        assert trie.match(f"b.{n}") == ()
    assert len(trie._lately) <= REMEMBERED
    assert trie.match("a.b") == (1,)


def test_whoever_came_first_hears_first() -> None:
    trie: Trie[int] = Trie()
    for item in (3, 1, 2):
        trie.add("a", item)
    assert trie.match("a") == (3, 1, 2)
