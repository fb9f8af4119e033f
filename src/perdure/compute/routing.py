"""Which provider does a job: a plain function over what is known of each."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from perdure.base.errors import NoProviderAvailable
from perdure.base.money import show_money

from .learnt import Status
from .policy import ComputePolicy, Preference


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can do the job. `microusd` is the most that it may cost, None where only the bill tells; `is_priced`
    is false where not even that will. `measured` says that the two speeds were seen here, and are not assumed."""

    provider: str
    model: str
    microusd: int | None = 0
    is_priced: bool = True
    ttft_ms: float = 500
    tokens_per_second: float = 50
    measured: bool = False
    status: Status = "available"
    why: str = ""


def choose(candidates: Iterable[Candidate], policy: ComputePolicy, *, model: str, max_cost: int | None) -> Candidate:
    """The candidate that the policy prefers, of those that it allows, that cost `max_cost` (micro-USD) at most, and
    that answer. One that is degraded, and the policy's fallback, are taken where there is no other.

    Raises NoProviderAvailable with the reason of each.
    """
    reasons: dict[str, str] = {}
    able: list[Candidate] = []
    for one in candidates:
        why = _unable(one, policy, max_cost)
        if why:
            reasons[f"{one.provider}: {one.model}"] = why
        else:
            able.append(one)
    if not able:
        told = "; ".join(dict.fromkeys(reasons.values())) or "no provider has this model"
        raise NoProviderAvailable(f"nobody here can do it with {model}: {told}", model=model, reasons=reasons)
    return min(able, key=lambda one: (_reserve(one, policy), *_rank(one, policy.prefer), one.provider, one.model))


def _unable(one: Candidate, policy: ComputePolicy, max_cost: int | None) -> str:
    refused = policy.refuses(one.provider, one.model)
    if refused:
        return refused
    if one.status == "unavailable":
        return one.why or f"{one.provider} does not answer"
    if max_cost is not None and one.microusd is not None and one.microusd > max_cost:
        return f"{one.model} may cost {show_money(one.microusd)}, and {show_money(max_cost)} is the most it may"
    return ""


def _reserve(one: Candidate, policy: ComputePolicy) -> int:
    return (one.provider == policy.fallback_provider) * 2 + (one.status == "degraded")


def _rank(one: Candidate, prefer: Preference) -> tuple[float, ...]:
    cost = float("inf") if one.microusd is None else float(one.microusd)
    match prefer:
        case "cost":
            return (cost, one.ttft_ms)
        case "latency":
            return (one.ttft_ms, cost)
        case "quality":
            return (not one.measured, -one.tokens_per_second, cost)
        case "balanced":
            return (cost * max(one.ttft_ms, 1), one.ttft_ms)
