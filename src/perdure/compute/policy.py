"""What an administrator lets an agent do with /compute."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

Preference: TypeAlias = Literal["cost", "latency", "quality", "balanced"]
Micro = Annotated[int, Meta(ge=0)]

DEFAULT_TIMEOUT_MS = 120_000


class ComputePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money is micro-USD, None for no limit of its own: the agent's budget holds in any case.

    Lists hold ids of providers, and models by full or bare name; `*` and `?` stand for anything. An empty `allowed_…`
    allows all, and what is blocked is blocked even where it is allowed. `fallback_provider` is kept in reserve: it is
    asked where no other can do it.
    """

    allowed_providers: tuple[str, ...] = ()
    blocked_providers: tuple[str, ...] = ()
    allowed_models: tuple[str, ...] = ()
    blocked_models: tuple[str, ...] = ()
    max_cost_per_tick_microusd: Micro | None = None
    max_cost_per_day_microusd: Micro | None = None
    default_max_cost_microusd: Micro | None = None
    require_max_cost: bool = False
    require_idempotency: bool = False
    default_timeout_ms: Annotated[int, Meta(gt=0)] = DEFAULT_TIMEOUT_MS
    prefer: Preference = "balanced"
    fallback_provider: str | None = None

    def refuses(self, provider: str, model: str) -> str:
        """Why this model of this provider may not be used, "" where it may."""
        if _names(self.blocked_providers, provider):
            return f"the policy blocks the provider {provider}"
        if _names(self.blocked_models, model):
            return f"the policy blocks {model}"
        if self.allowed_providers and not _names(self.allowed_providers, provider):
            return f"the policy does not allow the provider {provider}"
        if self.allowed_models and not _names(self.allowed_models, model):
            return f"the policy does not allow {model}"
        return ""


def _names(patterns: tuple[str, ...], name: str) -> bool:
    bare = name.partition("/")[2]
    return any(fnmatchcase(name, one) or (bare != "" and fnmatchcase(bare, one)) for one in patterns)
