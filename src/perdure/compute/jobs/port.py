"""The port of whatever does jobs: models, embeddings, and what is plugged in for pictures and sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from perdure.base.usage import Usage

from ..learnt import Status
from ..routing import Candidate
from .request import ComputeRequest

Say: TypeAlias = Callable[[str | None], None]
"""Tell a piece of the output as it comes; None: it begins anew, what was told is void."""


class Done(msgspec.Struct, frozen=True):
    """How a job came out. `text` is the output as a stream shows it; `cost` (micro-USD) is None where nobody knows,
    and then all that was reserved is taken as spent. `finish` says why it ended: `complete`, `length`, `filter`, …"""

    output: Any
    text: str
    usage: Usage | None = None
    cost: int | None = None
    price: str = ""
    finish: str = "complete"
    model: str = ""


class Pricing(msgspec.Struct, frozen=True):
    """Micro-USD per thousand tokens."""

    input_per_1k_microusd: float
    output_per_1k_microusd: float


class ModelInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    name: str
    capabilities: tuple[str, ...] = ()
    pricing: Pricing | None = None


class Latency(msgspec.Struct, frozen=True):
    """`measured`: seen in calls of this process; else assumed."""

    ttft_ms: float
    tokens_per_sec: float | None = None
    measured: bool = False


class ProviderInfo(msgspec.Struct, frozen=True):
    """`status` is available, degraded or unavailable, and `reason` says why where it is not the first."""

    id: str
    name: str
    models: tuple[ModelInfo, ...]
    capabilities: tuple[str, ...]
    latency: Latency
    status: Status = "available"
    reason: str = ""


class Provider(Protocol):
    """`kinds` are those of jobs that it may be able to do."""

    id: str
    kinds: Sequence[str]

    def offers(self, request: ComputeRequest) -> list[Candidate]:
        """The models that it could do this with, each with the most that it may cost. Raises InputError where the input
        is not what this kind takes. Asks nobody."""
        ...

    async def do(self, request: ComputeRequest, model: str, say: Say | None) -> Done:
        """Do it with this model; pieces are told to `say` as they come, where it can and somebody wants to hear.
        Raises ModelError."""
        ...

    def info(self) -> ProviderInfo: ...
