"""Asks the next model where one cannot answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from perdure.base.errors import ContentFiltered, InvalidRequest, ModelError
from perdure.base.messages import Delta, ModelRequest, Restart

from .port import Model
from .spec import ModelSpec

STAYS = (InvalidRequest, ContentFiltered)
"""A request that is wrong, or refused for what it says, is not carried from provider to provider."""


class Fallback:
    """Asks `first`, then each of `others` with the settings of its spec, until one answers.

    The request's time is each model's own. When all have failed, the last one's error is raised; its fact `tried` tells
    what every model said.
    """

    def __init__(self, first: Model, others: Sequence[tuple[Model, ModelSpec]]) -> None:
        self.name = first.name
        self._first = first
        self._others = others

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        tried: dict[str, str] = {}
        links: list[tuple[Model, ModelSpec | None]] = [(self._first, None), *self._others]
        for number, (model, spec) in enumerate(links, start=1):
            shown = False
            try:
                async for delta in model.stream(spec.apply(request) if spec else request):
                    shown = True
                    yield delta
                return
            except ModelError as error:
                tried[model.name] = f"{error.code}: {error.message}"
                if number == len(links) or isinstance(error, STAYS):
                    error.facts["tried"] = tried
                    raise
                failed = error
            if shown:
                yield Restart(str(failed))
