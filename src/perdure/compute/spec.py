"""What a file says about a model: `openai/gpt-5-mini`, or the long form as a mapping."""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from perdure.base.duration import parse_duration
from perdure.base.errors import ConfigError, InputError, UnknownProvider
from perdure.base.messages import ModelRequest


class Price(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Dollars per million tokens. `cached` and `cache_write` are those of `input` where they are not stated."""

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached", "cache_write"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1e9:
                raise ValueError(f"price.{name} must be dollars per million tokens, zero or more")


class ModelSpec(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One model and how to ask it. What is not stated is left to the provider, and to the request.

    `timeout` bounds a call of this model with its retries (`30s`, `2m`, or seconds). `fallback` models are asked in
    turn where this one cannot answer; they inherit its settings except `extra`, which is a provider's own.
    """

    provider: str
    name: str
    base_url: str | None = None
    api_key: str | None = None
    headers: dict[str, str] = {}
    price: Price | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    thinking_tokens: int | None = None
    reasoning_effort: str | None = None
    timeout: str | int | float | None = None
    fallback: "tuple[ModelSpec | str, ...]" = ()
    extra: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not self.provider or not self.name:
            raise ValueError("a model has a provider and a name, as in openai/gpt-5-mini")
        if self.timeout is not None and not _milliseconds(self.timeout):
            raise ValueError("timeout must be longer than nothing")

    @property
    def full_name(self) -> str:
        return f"{self.provider}/{self.name}"

    @property
    def chain(self) -> "tuple[ModelSpec, ...]":
        """This model and all that may step in for it, in the order in which they are asked."""
        return (self, *(spec for entry in self.fallback for spec in parse_model(entry).chain))

    def apply(self, request: ModelRequest) -> ModelRequest:
        """The request as this spec wants it asked: what the spec states takes the place of what the request says."""
        stated: dict[str, Any] = {"model": self.full_name, "extra": self.extra}
        for field in ("temperature", "max_tokens", "top_p", "thinking_tokens", "reasoning_effort"):
            value = getattr(self, field)
            if value is not None:
                stated[field] = value
        if self.stop:
            stated["stop"] = self.stop
        if self.timeout is not None:
            stated["timeout_ms"] = parse_duration(self.timeout)
        return msgspec.structs.replace(request, **stated)


def _milliseconds(timeout: str | int | float) -> int:
    try:
        return parse_duration(timeout)
    except InputError as error:  # msgspec turns a ValueError into one that names the path
        raise ValueError(error.message) from error


ModelLike: TypeAlias = str | Mapping[str, Any] | ModelSpec


def parse_model(value: ModelLike) -> ModelSpec:
    """The spec that `provider/name` or a mapping stands for. Raises ConfigError; any provider passes."""
    if isinstance(value, ModelSpec):
        return value
    if isinstance(value, str):
        provider, slash, name = value.strip().partition("/")
        if not (provider and slash and name):
            raise UnknownProvider(f"not a model: {value!r} (expected provider/name)", model=value)
        return ModelSpec(provider, name)
    try:
        return msgspec.convert(value, ModelSpec)
    except msgspec.ValidationError as error:
        raise ConfigError(f"model: {error}") from error
