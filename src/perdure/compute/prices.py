"""What a call costs, in integer micro-USD.

A price stated in the spec comes first, then overrides of the project, then the table of `genai-prices`, which lies in
its package and is never fetched. A dollar per million tokens is a micro-USD per token.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from perdure.base.messages import ModelResponse
from perdure.base.usage import Usage

from .provider import PROVIDERS
from .spec import ModelSpec, Price

_MICRO = 1_000_000


class Charge(msgspec.Struct, frozen=True, gc=False):
    """`version` says by which prices: `spec`, `project`, `free`, or `genai-prices` and its version."""

    microusd: int
    version: str


class Rate(msgspec.Struct, frozen=True):
    """Millionths of a micro-USD per token, so that sums are exact."""

    input: int
    output: int
    cached: int
    cache_write: int

    def cost(self, usage: Usage) -> int:
        """Micro-USD, rounded once, half up."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        written = min(usage.cache_write_tokens, usage.input_tokens - cached)
        total = (
            (usage.input_tokens - cached - written) * self.input
            + cached * self.cached
            + written * self.cache_write
            + usage.output_tokens * self.output
        )
        return (total + _MICRO // 2) // _MICRO


class Prices:
    """Knows what models cost. `overrides` are prices by full name that the project states."""

    def __init__(self, overrides: Mapping[str, Price] | None = None) -> None:
        self._overrides = {name: _rate(price) for name, price in (overrides or {}).items()}
        self._table: Table | None = None

    def charge(self, spec: ModelSpec, usage: Usage, at: int) -> Charge | None:
        """The price of one call made at `at` (milliseconds UTC), or None where no price is known."""
        if spec.price is not None:
            return Charge(_rate(spec.price).cost(usage), "spec")
        rate = self._overrides.get(spec.full_name)
        if rate is not None:
            return Charge(rate.cost(usage), "project")
        provider = PROVIDERS.get(spec.provider)
        if provider is None or not (provider.free or provider.priced_as):
            return None
        if provider.free:
            return Charge(0, "free")
        if self._table is None:
            self._table = Table()
        microusd = self._table.cost(provider.priced_as, spec.name, usage, at)
        return None if microusd is None else Charge(microusd, self._table.version)

    def charge_answer(self, spec: ModelSpec, response: ModelResponse, at: int) -> Charge | None:
        """The price of an answer by whichever model of the spec's chain gave it; None without a price or usage."""
        if response.usage is None:
            return None
        answered = spec
        if response.model != spec.full_name:
            answered = next((link for link in spec.chain if link.full_name == response.model), spec)
        return self.charge(answered, response.usage, at)

    def at_most(self, spec: ModelSpec, usage: Usage, at: int) -> Charge | None:
        """The dearest that this usage could be with any model of the chain; None where one of them has no price."""
        charges = [self.charge(link, usage, at) for link in spec.chain]
        known = [charge for charge in charges if charge is not None]
        return max(known, key=lambda charge: charge.microusd) if len(known) == len(charges) else None


class Table:
    """The prices of `genai-prices`. It takes half a second to import, hence only where nothing else knows."""

    def __init__(self) -> None:
        self._library: Any = import_module("genai_prices")
        self._rates: dict[tuple[str, str], Rate] = {}
        self.version = f"genai-prices {self._library.__version__}"

    def cost(self, provider: str, name: str, usage: Usage, at: int) -> int | None:
        rate = self._rates.get((provider, name))
        if rate is not None:
            return rate.cost(usage)
        counted = self._library.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_tokens, usage.input_tokens),
            cache_write_tokens=min(usage.cache_write_tokens, max(0, usage.input_tokens - usage.cached_tokens)),
        )
        when = datetime.fromtimestamp(at / 1000, UTC)
        try:
            found = self._library.calc_price(counted, name, provider_id=provider, genai_request_timestamp=when)
        except LookupError:
            return None
        rate = _plain_rate(found)
        if rate is not None:
            self._rates[provider, name] = rate
            return rate.cost(usage)
        return int((found.total_price * _MICRO).to_integral_value(ROUND_HALF_UP))


def _plain_rate(found: Any) -> Rate | None:
    """The rate where a price depends on nothing but tokens; None where it has tiers or hours."""
    if isinstance(found.model.prices, list):
        return None
    price = found.model_price
    listed = {kind: getattr(price, f"{kind}_mtok", None) for kind in ("input", "output", "cache_read", "cache_write")}
    stated = {kind: value for kind, value in listed.items() if value is not None}
    if "input" not in stated or not all(isinstance(value, Decimal) for value in stated.values()):
        return None
    paid = stated["input"]
    return Rate(
        _units(paid),
        _units(stated.get("output", 0)),
        _units(stated.get("cache_read", paid)),
        _units(stated.get("cache_write", paid)),
    )


@cache
def _rate(price: Price) -> Rate:
    return Rate(
        _units(price.input),
        _units(price.output),
        _units(price.input if price.cached is None else price.cached),
        _units(price.input if price.cache_write is None else price.cache_write),
    )


def _units(dollars_per_million: float | Decimal) -> int:
    return int((Decimal(str(dollars_per_million)) * _MICRO).to_integral_value(ROUND_HALF_UP))
