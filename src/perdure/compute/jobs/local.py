"""The provider `local`: what can be done here without a model."""

from __future__ import annotations

from collections.abc import Sequence

from ..embeddings.hashed import NAME, HashedEmbedder
from ..routing import Candidate
from . import vectors
from .port import Done, Latency, ModelInfo, Pricing, ProviderInfo, Say
from .request import ComputeRequest

_SPEED = Latency(1, None, False)


class LocalProvider:
    """Embeddings by hashed n-grams: free, and the same everywhere."""

    id = "local"
    kinds: Sequence[str] = ("embeddings",)

    def offers(self, request: ComputeRequest) -> list[Candidate]:
        vectors.embeddings_input(request)
        if request.model not in (NAME, NAME.partition("/")[2]):
            return []
        return [Candidate(provider=self.id, model=NAME, ttft_ms=_SPEED.ttft_ms)]

    async def do(self, request: ComputeRequest, model: str, say: Say | None) -> Done:
        asked = vectors.embeddings_input(request)
        found = await HashedEmbedder().embed(asked.all, dimensions=asked.dimensions, timeout_ms=0)
        output = vectors.output_of(found)
        return Done(output, vectors.text_of(output), found.usage, 0, "free", model=model)

    def info(self) -> ProviderInfo:
        model = ModelInfo(NAME, NAME.partition("/")[2], tuple(self.kinds), Pricing(0, 0))
        return ProviderInfo(self.id, "Embeddings by rules, on this machine", (model,), tuple(self.kinds), _SPEED)
