"""What holds of topics: whether their events are kept, how long, and how many."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from perdure.base.topic import levels_of

from .trie import Trie

WEEK_MS = 7 * 86_400_000


class TopicRule(msgspec.Struct, frozen=True):
    """`keep_ms` is how long events are kept, `keep_events` how many of each topic; None: no bound."""

    durable: bool = True
    keep_ms: int | None = WEEK_MS
    keep_events: int | None = None


class TopicRules:
    """The rule of each topic: of the patterns that choose it, the one with most levels decides."""

    def __init__(self, default: TopicRule | None = None, rules: Mapping[str, TopicRule] | None = None) -> None:
        self._rules = dict(rules or {})
        self._rules.setdefault(">", default or TopicRule())
        self._patterns: Trie[str] = Trie()
        for pattern in self._rules:
            self._patterns.add(pattern, pattern)

    def of(self, topic: str) -> TopicRule:
        return self._rules[max(self._patterns.match(topic), key=_weight)]


def _weight(pattern: str) -> tuple[int, int, str]:
    levels = levels_of(pattern)
    return len(levels), sum(level not in ("*", ">") for level in levels), pattern
