"""The model port: ask, and be told piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from perdure.base.errors import BrokenStream
from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse


class Model(Protocol):
    """A model that can be asked. `name` is the full name, such as `openai/gpt-5-mini`."""

    name: str

    def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        """Yield deltas, then `Finished` with the whole answer. Raises ModelError; never ends without `Finished`.

        Where `request.stream` is false nothing but `Finished` is yielded.
        """
        ...


async def generate(model: Model, request: ModelRequest) -> ModelResponse:
    """The whole answer: the fold of `stream`."""
    async for delta in model.stream(request):
        if isinstance(delta, Finished):
            return delta.response
    raise BrokenStream(f"{model.name} ended without an answer", model=model.name)
