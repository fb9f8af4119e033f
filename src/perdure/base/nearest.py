"""Did you mean …? The known word that is most like one that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from heapq import nlargest

from .lazy import load

_CLOSE = "difflib:get_close_matches"
"""Imported when somebody has mistyped something."""
MOST_COMPARED = 20
LONGEST = 128


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like this one, "" where none is like it. Of very many only those are compared that
    begin and end like it; a very long one is like none."""
    if len(word) > LONGEST:
        return ""
    close: list[str] = load(_CLOSE)(word, nlargest(MOST_COMPARED, known, key=partial(_alike, word)), n=1)
    return close[0] if close else ""


def _alike(word: str, other: str) -> int:
    return _shared(word, other) + _shared(word[::-1], other[::-1])


def _shared(word: str, other: str) -> int:
    """How many characters two words begin with alike."""
    differ = (number for number, (one, two) in enumerate(zip(word, other, strict=False)) if one != two)
    return next(differ, min(len(word), len(other)))
