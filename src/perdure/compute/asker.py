"""The one way to reach a model: what it may cost, the call, what it did cost, and what was learnt of it.

The loop of an agent and /compute both ask through here. Setting the money aside and settling it belongs to whoever
asks, as it has to be one commit with that caller's own record of the call.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import msgspec

from perdure.base.clock import Clock
from perdure.base.errors import BrokenStream, ModelError, UnpricedModel
from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse
from perdure.base.usage import Usage

from .estimate import Ratio, estimate
from .learnt import Learnt
from .port import Model, generate
from .prices import Charge, Prices
from .spec import ModelSpec

ASSUMED_ANSWER = 4_096
"""Tokens that an answer may have where neither the spec nor the provider bounds it."""
MARGIN = 1.2
"""Estimates are guesses; what is set aside for a call is a fifth more."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """An answer, and what it cost: None where no price is known, or the provider reported no usage."""

    response: ModelResponse
    charge: Charge | None


class Asker:
    """Asks one model. `learnt` is shared by all who ask it."""

    __slots__ = ("_clock", "learnt", "model", "prices", "spec")

    def __init__(self, model: Model, spec: ModelSpec, prices: Prices, learnt: Learnt, clock: Clock) -> None:
        self.model = model
        self.spec = spec
        self.prices = prices
        self.learnt = learnt
        self._clock = clock

    @property
    def ratio(self) -> Ratio:
        return self.learnt.ratio

    def bounded(self, request: ModelRequest) -> ModelRequest:
        """The request with an end to its answer, so that there is a most that it can cost."""
        if request.max_tokens is not None:
            return request
        return msgspec.structs.replace(request, max_tokens=ASSUMED_ANSWER)

    def worst_cost(self, request: ModelRequest) -> int:
        """The most that asking this may cost, micro-USD. Raises UnpricedModel where nobody knows."""
        tokens = round(estimate(request, self.learnt.ratio) * MARGIN)
        usage = Usage(tokens, request.max_tokens or ASSUMED_ANSWER)
        charge = self.prices.at_most(self.spec, usage, self._clock.now())
        if charge is None:
            raise UnpricedModel(
                f"{self.spec.full_name} has no known price, and there is a budget", model=self.spec.full_name
            )
        return charge.microusd

    async def ask(self, request: ModelRequest, hear: Callable[[Delta], None] | None = None) -> Answered:
        """The answer; with `hear` its pieces are told as they come. Raises ModelError."""
        started = perf_counter()
        first = 0.0
        try:
            if hear is None:
                response = await generate(self.model, request)
            else:
                response, first = await self._listen(request, hear)
        except ModelError as error:
            self.learnt.failed(error, self._clock.now())
            raise
        ended = perf_counter()
        self.learnt.answered(((first or ended) - started) * 1000, (ended - started) * 1000, response.used.output_tokens)
        if response.usage is not None:
            self.learnt.weighed(request, response.usage.input_tokens)
        return Answered(response, self.prices.charge_answer(self.spec, response, self._clock.now()))

    async def _listen(self, request: ModelRequest, hear: Callable[[Delta], None]) -> tuple[ModelResponse, float]:
        """The answer, its pieces told as they come, and when the first of them came."""
        response: ModelResponse | None = None
        first = 0.0
        async for delta in self.model.stream(msgspec.structs.replace(request, stream=True)):
            first = first or perf_counter()
            if isinstance(delta, Finished):
                response = delta.response
            else:
                hear(delta)
        if response is None:
            raise BrokenStream(f"{self.model.name} ended without an answer", model=self.model.name)
        return response, first
