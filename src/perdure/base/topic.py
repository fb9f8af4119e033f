"""Topics: names in levels, such as `orders.failed.eu`, and the patterns that choose among them.

In a pattern `*` stands for any one level. `>` as the last level, or `.*` at the end, stands for one level or more:
`orders.*.eu` chooses `orders.failed.eu`; `orders.>` and `orders.*` choose that and `orders.new`, but not `orders`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .errors import InputError

MOST_CHARACTERS = 255
MOST_LEVELS = 32
ANY = "*"
REST = ">"
ADDRESS = "topic:"
"""What an envelope's `to` and `reply_to` begin with where they name a topic and no agent."""

_LEVEL = r"[\w@:+=~-]+"
_TOPIC = rf"{_LEVEL}(?:\.{_LEVEL})*"
_PATTERN = rf"(?:(?:{_LEVEL}|\*)\.)*(?:{_LEVEL}|\*|>)"
_HINT = "Levels of letters, digits and any of `-_@:+=~` with dots between them: orders.failed.eu"


def check_topic(text: str) -> str:
    """The topic, where it is one. Raises InputError."""
    if not is_topic(text):
        raise InputError(f"not a topic: {text[:80]!r}", hint=f"{_HINT}.")
    return text


def is_topic(text: str) -> bool:
    return _fits(_TOPIC, text)


def check_pattern(text: str) -> str:
    """The pattern, where it is one. Raises InputError."""
    if not _fits(_PATTERN, text):
        raise InputError(
            f"not a pattern of topics: {text[:80]!r}", hint=f"{_HINT}; `*` is any level, a last `>` all that follow."
        )
    return text


@lru_cache(maxsize=1024)
def levels_of(pattern: str) -> tuple[str, ...]:
    """The levels of a pattern, with `>` for a rest, however that was written."""
    levels = pattern.split(".")
    if len(levels) > 1 and levels[-1] == ANY:
        levels[-1] = REST
    return tuple(levels)


def matches(pattern: str, topic: str) -> bool:
    """Whether the pattern chooses the topic."""
    wanted, found = levels_of(pattern), topic.split(".")
    if wanted[-1] == REST:
        wanted = wanted[:-1]
        if len(found) <= len(wanted):
            return False
    elif len(found) != len(wanted):
        return False
    return all(level in (ANY, name) for level, name in zip(wanted, found, strict=False))


def is_plain(pattern: str) -> bool:
    """Whether the pattern is itself the one topic that it chooses."""
    return ANY not in pattern and REST not in pattern


def literal_prefix(pattern: str) -> str:
    """The levels that all topics chosen begin with, with a dot behind them; "" where there are none."""
    levels = levels_of(pattern)
    fixed = next((index for index, level in enumerate(levels) if level in (ANY, REST)), len(levels) - 1)
    return "".join(f"{level}." for level in levels[:fixed])


def _fits(grammar: str, text: str) -> bool:
    if len(text) > MOST_CHARACTERS or text.count(".") >= MOST_LEVELS:
        return False
    return re.fullmatch(grammar, text) is not None
