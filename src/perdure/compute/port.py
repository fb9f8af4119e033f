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

        Where `request.stream` is false nothing but `Finished` is yielded. The answer's `model` is the full name of the
        model that gave it, which is not the one asked where a fallback stepped in.
        """
        ...


async def generate(model: Model, request: ModelRequest) -> ModelResponse:
    """The whole answer: the fold of `stream`."""
    response: ModelResponse | None = None
    async for delta in model.stream(request):  # to its end, so that no half-read generator is left to the collector
        if isinstance(delta, Finished):
            response = delta.response
    if response is None:
        raise BrokenStream(f"{model.name} ended without an answer", model=model.name)
    return response
