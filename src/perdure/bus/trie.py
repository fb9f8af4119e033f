"""Which subscribers want a topic: a tree of levels, and what it answered lately."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from perdure.base.topic import ANY, REST, levels_of

T = TypeVar("T")

REMEMBERED = 4_096
"""Topics whose subscribers are known without a search."""


class _Level(Generic[T]):
    __slots__ = ("below", "here")

    def __init__(self) -> None:
        self.below: dict[str, _Level[T]] = {}
        self.here: dict[T, None] = {}  # a set in order: who came first hears first


class Trie(Generic[T]):
    """Items by the patterns of what they want."""

    def __init__(self) -> None:
        self._root: _Level[T] = _Level()
        self._lately: dict[str, tuple[T, ...]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, pattern: str, item: T) -> None:
        level = self._root
        for name in levels_of(pattern):
            level = level.below.setdefault(name, _Level())
        self._size += item not in level.here
        level.here[item] = None
        self._lately.clear()

    def discard(self, pattern: str, item: T) -> None:
        self._discard(self._root, levels_of(pattern), item)
        self._lately.clear()

    def _discard(self, level: _Level[T], names: tuple[str, ...], item: T) -> None:
        if not names:
            self._size -= item in level.here
            level.here.pop(item, None)
        elif (below := level.below.get(names[0])) is not None:
            self._discard(below, names[1:], item)
            if not below.here and not below.below:
                del level.below[names[0]]

    def match(self, topic: str) -> tuple[T, ...]:
        """Every item once that wants the topic."""
        found = self._lately.get(topic)
        if found is None:
            if len(self._lately) >= REMEMBERED:
                self._lately.clear()
            found = self._lately[topic] = tuple(dict.fromkeys(_search(self._root, topic.split("."), 0)))
        return found


def _search(level: _Level[T], names: list[str], at: int) -> Iterator[T]:
    if at == len(names):
        yield from level.here
        return
    if (rest := level.below.get(REST)) is not None:
        yield from rest.here
    for name in (names[at], ANY):
        if (below := level.below.get(name)) is not None:
            yield from _search(below, names, at + 1)
