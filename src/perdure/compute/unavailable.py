"""A model that cannot be asked, kept in its place so that a fallback can step in."""

from __future__ import annotations

from collections.abc import AsyncIterator

from perdure.base.errors import ModelError
from perdure.base.messages import Delta, ModelRequest


class Unavailable:
    """Fails every call with `error`, such as the key that is missing."""

    def __init__(self, name: str, error: ModelError) -> None:
        self.name = name
        self._error = error

    def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        raise self._error
