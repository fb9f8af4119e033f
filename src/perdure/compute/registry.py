"""From a model's name to a model that can be asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from perdure.base.clock import Clock
from perdure.base.errors import AuthFailed, ConfigError, NotSupported, UnknownProvider
from perdure.base.lazy import load
from perdure.base.nearest import nearest

from .http_model import HttpModel
from .port import Model
from .provider import PROVIDERS, Provider, ProviderSettings
from .retry import ATTEMPTS, Retry
from .spec import ModelLike, ModelSpec, parse_model
from .transport.port import Transport
from .unavailable import Unavailable

if TYPE_CHECKING:
    from .embeddings.port import Embedder

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NO_SETTINGS = ProviderSettings()
_FALLBACK = "perdure.compute.fallback:Fallback"
_EMBEDDER = "perdure.compute.embeddings.http:HttpEmbedder"


class Models:
    """Makes models from names and specs. Makes no connection and reads no key before `model` is called.

    `settings` is the project's `[providers.NAME]`; a name that is not in the table but has a base_url there is a
    compatible server. `given` are models by full name that stand in for whatever their name means otherwise.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        clock: Clock,
        chance: Callable[[], float],
        environment: Mapping[str, str],
        settings: Mapping[str, ProviderSettings | Mapping[str, Any]] | None = None,
        given: Mapping[str, Model] | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self._environment = environment
        self._settings = {name: _settings(name, said) for name, said in (settings or {}).items()}
        self._given = given or {}
        self._attempts = attempts

    def check(self, value: ModelLike) -> ModelSpec:
        """The spec, with its provider and those of its fallbacks known to exist. Needs no key."""
        spec = parse_model(value)
        for link in spec.chain:
            if link.full_name not in self._given:
                self._address(link)
        return spec

    def model(self, value: ModelLike) -> Model:
        """The model, with retries and fallbacks around it.

        Raises UnknownProvider, ConfigError for what is not a URL or header, and AuthFailed naming the variable where
        the key is missing. Where there are fallbacks a missing key is an error of the call, so that they step in.
        """
        first, *others = self.check(value).chain
        if not others:
            return self._one(first)
        fallback: Model = load(_FALLBACK)(
            self._or_unavailable(first), [(self._or_unavailable(spec), spec) for spec in others]
        )
        return fallback

    def embedder(self, value: ModelLike) -> Embedder:
        """Who makes vectors with this model. Raises as `model` does, and NotSupported where its provider has none."""
        spec = self.check(value)
        provider, base_url = self._address(spec)
        if not provider.embeds:
            raise NotSupported(f"{spec.provider} has no embeddings in OpenAI's format", provider=spec.provider)
        made: Embedder = load(_EMBEDDER)(
            spec.full_name,
            vendor_name=spec.name,
            transport=self._transport,
            base_url=base_url,
            headers=self._headers(spec, provider),
        )
        return made

    def problem(self, provider: str) -> str:
        """Why no model of this provider can be asked, such as a key that is missing; "" where nothing is known."""
        spec = ModelSpec(provider, "any")
        try:
            known, _ = self._address(spec)
            self._headers(spec, known)
        except (ConfigError, AuthFailed) as error:
            return error.message
        return ""

    def configured(self) -> dict[str, tuple[str, ...]]:
        """The providers that this project has set up, by a section of its own, a key in the environment, or a model
        that is given; and what models each is said to have."""
        found = {name: list(settings.models) for name, settings in self._settings.items()}
        for name, provider in PROVIDERS.items():
            if any(self._environment.get(variable, "").strip() for variable in provider.key_variables):
                found.setdefault(name, [])
        for full_name in self._given:
            name, _, model = full_name.partition("/")
            found.setdefault(name, []).append(model)
        return {name: tuple(dict.fromkeys(models)) for name, models in found.items()}

    def embeds(self, provider: str) -> bool:
        """Whether this provider may have embeddings."""
        known = PROVIDERS.get(provider, PROVIDERS["compatible"] if provider in self._settings else None)
        return known is not None and known.embeds

    def _or_unavailable(self, spec: ModelSpec) -> Model:
        try:
            return self._one(spec)
        except AuthFailed as error:
            return Unavailable(spec.full_name, error)

    def _one(self, spec: ModelSpec) -> Model:
        if spec.full_name in self._given:
            return self._given[spec.full_name]
        provider, base_url = self._address(spec)
        if provider.factory:
            made: Model = load(provider.factory)(spec)
            return made
        http = HttpModel(
            spec.full_name,
            vendor_name=spec.name,
            wire=load(provider.wire),
            transport=self._transport,
            base_url=base_url,
            headers=self._headers(spec, provider),
            quirks=_quirks(spec.provider, provider, base_url),
        )
        return Retry(http, clock=self._clock, chance=self._chance, attempts=self._attempts)

    def _address(self, spec: ModelSpec) -> tuple[Provider, str]:
        settings = self._settings.get(spec.provider, _NO_SETTINGS)
        provider = PROVIDERS.get(spec.provider) or (PROVIDERS["compatible"] if settings.base_url else None)
        if provider is None:
            raise _unknown(spec.provider, [*PROVIDERS, *self._settings])
        base_url = spec.base_url or settings.base_url or provider.base_url
        if not provider.factory and not base_url.startswith(("http://", "https://")):
            raise ConfigError(
                f"{spec.full_name} has no base_url that begins with http:// or https://",
                hint=f"Give the model a base_url, or set it under [providers.{spec.provider}] in perdure.toml.",
            )
        return provider, base_url

    def _headers(self, spec: ModelSpec, provider: Provider) -> dict[str, str]:
        settings = self._settings.get(spec.provider, _NO_SETTINGS)
        headers = {name.lower(): text for name, text in (settings.headers | spec.headers).items()}
        if provider.key_header not in headers:
            key = self._key(spec, settings, provider)
            if key:
                headers[provider.key_header] = provider.key_prefix + key
        for name, text in headers.items():
            if not re.fullmatch(_HEADER_NAME, name) or not (text.isascii() and text.isprintable()):
                raise ConfigError(  # without the text: it may be a key
                    f"{spec.full_name}: the header {name!r} cannot be sent",
                    hint="A header, and so a key, is one line of ASCII characters.",
                )
        return headers

    def _key(self, spec: ModelSpec, settings: ProviderSettings, provider: Provider) -> str:
        stated = spec.api_key or settings.api_key
        held = (self._environment.get(variable, "") for variable in provider.key_variables)
        key = (stated or next((value for value in held if value.strip()), "")).strip()
        if not key and provider.key_variables:
            variable = provider.key_variables[0]
            raise AuthFailed(
                f"no API key for {spec.full_name}: {variable} is not set",
                hint=f"Set {variable}, or api_key under [providers.{spec.provider}] in perdure.toml.",
                variable=variable,
                model=spec.full_name,
            )
        return key


def _settings(name: str, said: ProviderSettings | Mapping[str, Any]) -> ProviderSettings:
    try:
        return said if isinstance(said, ProviderSettings) else msgspec.convert(said, ProviderSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"providers.{name}: {error}") from error


def _unknown(name: str, known: list[str]) -> UnknownProvider:
    close = nearest(name.lower(), known)
    guess = f"; did you mean {close!r}?" if close else f" (known: {', '.join(known)})"
    return UnknownProvider(f"no provider is called {name!r}{guess}", provider=name)


def _quirks(name: str, provider: Provider, base_url: str) -> Any:
    """How this server differs from the inventor of its format."""
    table: dict[str, Any] = import_module(provider.wire.partition(":")[0]).QUIRKS
    if name == "azure" and base_url.partition("?")[0].rstrip("/").endswith("/v1"):
        name = "azure-v1"
    return table[name if name in table else "compatible"]
