"""The model port: ask, and be told piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

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


class WholeModel(Model, Protocol):
    """A model that can also give its answer in one piece, without a stream that has one delta."""

    async def whole(self, request: ModelRequest) -> ModelResponse:
        """The answer to a request that asks for no stream. Raises ModelError."""
        ...


def generate(model: Model | WholeModel, request: ModelRequest) -> Coroutine[Any, Any, ModelResponse]:
    """The whole answer: the fold of `stream`."""
    if not request.stream and (whole := getattr(model, "whole", None)) is not None:
        answer: Coroutine[Any, Any, ModelResponse] = whole(request)
        return answer
    return _fold(model, request)


async def _fold(model: Model, request: ModelRequest) -> ModelResponse:
    response: ModelResponse | None = None
    async for delta in model.stream(request):  # to its end, so that no half-read generator is left to the collector
        if isinstance(delta, Finished):
            response = delta.response
    if response is None:
        raise BrokenStream(f"{model.name} ended without an answer", model=model.name)
    return response
