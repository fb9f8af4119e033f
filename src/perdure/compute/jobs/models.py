"""A provider of models as one that does jobs: chat and completion, and embeddings where it has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from perdure.base.errors import ConfigError, ModelError, UnpricedModel
from perdure.base.messages import Delta, Restart, TextDelta
from perdure.base.usage import Usage

from ..asker import MARGIN
from ..gateway import Gateway
from ..learnt import Learnt, Status
from ..provider import PROVIDERS
from ..routing import Candidate
from ..spec import ModelSpec
from . import talk, vectors
from .port import Done, Latency, ModelInfo, Pricing, ProviderInfo, Say
from .request import ComputeRequest

ASSUMED_TTFT_MS = 500
ASSUMED_TTFT_FREE_MS = 50
ASSUMED_SPEED = 50


class ModelProvider:
    """`models` are the bare names that it is known to have; by its full name any model can be asked."""

    def __init__(self, id: str, gateway: Gateway, models: tuple[str, ...] = ()) -> None:
        self.id = id
        self.kinds: Sequence[str] = (
            ("chat", "complete", "embeddings") if gateway.models.embeds(id) else ("chat", "complete")
        )
        self._gateway = gateway
        self._models = models

    def offers(self, request: ComputeRequest) -> list[Candidate]:
        return [self._candidate(request, name) for name in self._matching(request.model)]

    async def do(self, request: ComputeRequest, model: str, say: Say | None) -> Done:
        if request.does == "embeddings":
            return await self._embed(request, model)
        asker = self._gateway.asker(model)
        asked = asker.bounded(asker.spec.apply(talk.model_request(request, model)))
        answered = await asker.ask(asked, None if say is None else _telling(say))
        response, charge = answered.response, answered.charge
        return Done(
            talk.output_of(request.does, response),
            response.text,
            response.usage,
            None if charge is None else charge.microusd,
            "" if charge is None else charge.version,
            talk.finish_of(response),
            response.model or model,
        )

    def info(self) -> ProviderInfo:
        status, reason = self._health(Learnt())
        learnt = [self._gateway.learnt(f"{self.id}/{name}") for name in self._models]
        for one in learnt:
            status, reason = max((status, reason), self._health(one), key=lambda seen: _WORSE[seen[0]])
        best = min(learnt, key=lambda one: (one.ttft_ms is None, one.ttft_ms or 0), default=Learnt())
        return ProviderInfo(
            self.id,
            self.id,
            tuple(self._model_info(name) for name in self._models),
            tuple(self.kinds),
            Latency(best.ttft_ms or self._assumed_ttft, best.tokens_per_second, best.ttft_ms is not None),
            status,
            reason,
        )

    # -- what it would cost, and whether it answers -------------------------------------------------------------------

    def _matching(self, model: str) -> list[str]:
        if model.startswith(f"{self.id}/"):
            return [model]
        return [f"{self.id}/{name}" for name in self._models if name == model]

    def _candidate(self, request: ComputeRequest, name: str) -> Candidate:
        learnt = self._gateway.learnt(name)
        status, why = self._health(learnt)
        worst: int | None = None
        if status != "unavailable":
            try:
                worst = self._worst(request, name)
            except UnpricedModel:
                pass
            except (ModelError, ConfigError) as error:
                status, why = "unavailable", error.message
        return Candidate(
            provider=self.id,
            model=name,
            microusd=worst,
            is_priced=worst is not None,
            ttft_ms=self._assumed_ttft if learnt.ttft_ms is None else learnt.ttft_ms,
            tokens_per_second=ASSUMED_SPEED if learnt.tokens_per_second is None else learnt.tokens_per_second,
            measured=learnt.ttft_ms is not None,
            status=status,
            why=why,
        )

    def _worst(self, request: ComputeRequest, name: str) -> int:
        if request.does != "embeddings":
            asker = self._gateway.asker(name)
            return asker.worst_cost(asker.bounded(asker.spec.apply(talk.model_request(request, name))))
        usage = Usage(round(vectors.embeddings_input(request).most_tokens * MARGIN))
        charge = self._gateway.prices.charge(self._gateway.models.check(name), usage, self._gateway.clock.now())
        if charge is None:
            raise UnpricedModel(f"{name} has no known price", model=name)
        return charge.microusd

    def _health(self, learnt: Learnt) -> tuple[Status, str]:
        problem = self._gateway.models.problem(self.id)
        return ("unavailable", problem) if problem else learnt.status(self._gateway.clock.now())

    def _model_info(self, name: str) -> ModelInfo:
        million = Usage(1_000_000), Usage(0, 1_000_000)
        now = self._gateway.clock.now()
        price = [self._gateway.prices.charge(ModelSpec(self.id, name), usage, now) for usage in million]
        into, out = price
        pricing = None if into is None or out is None else Pricing(into.microusd / 1000, out.microusd / 1000)
        return ModelInfo(f"{self.id}/{name}", name, tuple(self.kinds), pricing)

    @property
    def _assumed_ttft(self) -> float:
        known = PROVIDERS.get(self.id)
        return ASSUMED_TTFT_FREE_MS if known is not None and known.free else ASSUMED_TTFT_MS

    # -- embeddings ---------------------------------------------------------------------------------------------------

    async def _embed(self, request: ComputeRequest, model: str) -> Done:
        asked = vectors.embeddings_input(request)
        learnt, now = self._gateway.learnt(model), self._gateway.clock.now
        embedder = self._gateway.models.embedder(model)
        started = perf_counter()
        try:
            found = await embedder.embed(
                asked.all, dimensions=asked.dimensions, timeout_ms=request.timeout_ms or 120_000
            )
        except ModelError as error:
            learnt.failed(error, now())
            raise
        ms = (perf_counter() - started) * 1000
        learnt.answered(ms, ms)
        output = vectors.output_of(found)
        charge = None
        if found.usage is not None:
            charge = self._gateway.prices.charge(self._gateway.models.check(model), found.usage, now())
        text = vectors.text_of(output)
        if charge is None:
            return Done(output, text, found.usage, model=model)
        return Done(output, text, found.usage, charge.microusd, charge.version, model=model)


_WORSE: dict[Status, int] = {"available": 0, "degraded": 1, "unavailable": 2}


def _telling(say: Say) -> Callable[[Delta], None]:
    def hear(delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            say(delta.text)
        elif isinstance(delta, Restart):
            say(None)

    return hear
