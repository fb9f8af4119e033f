"""Did you mean …? The known word that is most like one that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

from .lazy import load

_CLOSE = "difflib:get_close_matches"
"""Imported when somebody has mistyped something."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like this one, "" where none is like it."""
    close: list[str] = load(_CLOSE)(word, known, n=1)
    return close[0] if close else ""
