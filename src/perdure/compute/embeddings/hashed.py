"""Embeddings by hashed n-grams: no model, no network, the same everywhere.

Words and the pieces of three to five letters in them are hashed into a vector of fixed length, with a sign by the hash
so that collisions even out ("feature hashing", Weinberger et al. 2009). Texts that share words, or parts of words, come
out close; texts that mean the same in other words do not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import copysign, sqrt
from zlib import crc32

from perdure.base.usage import Usage

from .port import Embedded

DIMENSIONS = 256
NAME = "local/hashed-ngrams"
_WORD = re.compile(r"\w+")
_SIZES = (3, 4, 5)
_WHOLE = 2.0
"""A word counts as much as so many of its pieces."""


class HashedEmbedder:
    name = NAME

    async def embed(self, texts: Sequence[str], *, dimensions: int | None, timeout_ms: int) -> Embedded:
        vectors = [vector(text, dimensions or DIMENSIONS) for text in texts]
        return Embedded(vectors, Usage(sum(len(_WORD.findall(text)) for text in texts)))


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """The text's vector, of length 1; all zeros where there is no word in it."""
    sums = [0.0] * dimensions
    counts: Counter[str] = Counter()
    for piece, weight in _pieces(text.casefold()):
        counts[piece] += 1
        hashed = crc32(piece.encode("utf-8", "surrogatepass"))
        # The n-th time a piece comes adds what the square root of its count grows by: repeating is not meaning more.
        grown = sqrt(counts[piece]) - sqrt(counts[piece] - 1)
        sums[(hashed >> 1) % dimensions] += copysign(weight * grown, 1 if hashed & 1 else -1)
    length = sqrt(sum(value * value for value in sums))
    return [value / length for value in sums] if length else sums


def _pieces(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text):
        yield f"={word}", _WHOLE
        framed = f"<{word}>"
        for size in _SIZES:
            for start in range(len(framed) - size + 1):
                yield framed[start : start + size], 1.0
