"""The port of embeddings: texts in, one vector for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from perdure.base.usage import Usage


class Embedded(msgspec.Struct, frozen=True):
    """A vector for each text, in their order. `usage` is None where the provider did not report any."""

    vectors: list[list[float]]
    usage: Usage | None = None


class Embedder(Protocol):
    """`name` is the full name of the model."""

    name: str

    async def embed(self, texts: Sequence[str], *, dimensions: int | None, timeout_ms: int) -> Embedded:
        """Raises ModelError; `dimensions` None leaves their number to the model."""
        ...
