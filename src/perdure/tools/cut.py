"""Over-long results: the model sees both ends, and where the whole is."""

from __future__ import annotations

from perdure.base.messages import Part, Text

DEFAULT_LIMIT = 20_000
"""Characters of text that one tool result may put before the model."""

_HEAD = 3  # of four parts: the beginning of a text says more than its end
_TAIL = 1


def cut(parts: tuple[Part, ...], key: str, limit: int = DEFAULT_LIMIT) -> tuple[Part, ...]:
    """The parts with their text cut to about `limit` characters; `key` is the effect that keeps the whole."""
    total = 0
    for part in parts:
        if isinstance(part, Text):
            total += len(part.text)
    if total <= limit:
        return parts
    left = limit
    shown: list[Part] = []
    for part in parts:
        if isinstance(part, Text):
            share = min(left, len(part.text))
            left -= share
            part = Text(cut_text(part.text, key, share))
        shown.append(part)
    return tuple(shown)


def cut_text(text: str, key: str, limit: int) -> str:
    """The head and the tail of the text, `limit` characters together, and between them what was left out."""
    if len(text) <= limit:
        return text
    head = limit * _HEAD // (_HEAD + _TAIL)
    tail = limit - head
    note = f"[… {len(text) - limit:,} characters left out; the whole is kept as effect {key} …]"
    return f"{text[:head]}\n{note}\n{text[len(text) - tail :]}".strip("\n")
