"""Answers that are said word by word at a steady pace, each word the time at which it was said: what of a stream's
delay is not the model's can be read off at its other end.

`Say 100 words, one each 20 ms.` asks for one. A word is `time.monotonic_ns()`, a clock that all processes of a machine
share on Linux.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ASKED = re.compile(r"Say (\d+) words, one each (\d+) ms\.")
_WORD = re.compile(rb"\b\d{12,}\b")


class Pace(NamedTuple):
    words: int
    every_ms: int

    @property
    def question(self) -> str:
        return f"Say {self.words} words, one each {self.every_ms} ms."


FOLLOWED = Pace(100, 40)
"""What a run says that many follow."""


def pace_in(question: str) -> Pace | None:
    """The pace that a question asks for, if it does."""
    asked = _ASKED.search(question)
    return Pace(int(asked[1]), int(asked[2])) if asked else None


def delays_ms(pieces: Sequence[tuple[int, bytes]]) -> list[float]:
    """Of each word its milliseconds from when it was said to when the piece with it came (ns, bytes). A word that is
    told again, as a whole answer is at its end, counts once, and what was said before the first piece not at all."""
    came: dict[int, int] = {}
    for at, data in pieces:
        for word in _WORD.findall(data):
            came.setdefault(int(word), at)
    return [(at - said) / 1e6 for said, at in came.items() if said > pieces[0][0]]
