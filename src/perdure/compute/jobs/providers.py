"""Everyone who can do jobs here."""

from __future__ import annotations

from collections.abc import Iterable

from perdure.base.errors import UnsupportedKind

from ..gateway import Gateway
from ..provider import PROVIDERS
from ..routing import Candidate
from .local import LocalProvider
from .models import ModelProvider
from .port import Provider
from .request import ComputeRequest

_WANTED = {
    "embeddings": "a provider of OpenAI's format, or the model local/hashed-ngrams",
    "image_generate": "a provider that makes pictures",
    "image_analyze": "a provider that looks at pictures; a chat job may hold a picture among its parts",
    "transcribe": "a provider that writes down speech",
    "speak": "a provider that speaks",
}
_DEMO = {"demo": ("planner",)}


class Providers:
    """Those that the project has set up, those that are always there, and those that are `plugged` in, which go before
    others of the same id. `models` are more full names that are known to be there."""

    def __init__(self, gateway: Gateway, *, plugged: Iterable[Provider] = (), models: Iterable[str] = ()) -> None:
        self._gateway = gateway
        known = {name: list(found) for name, found in (gateway.models.configured() | _DEMO).items()}
        for full_name in models:
            provider, _, name = full_name.partition("/")
            if name:
                known.setdefault(provider, []).append(name)
        made: list[Provider] = [ModelProvider(id, gateway, tuple(dict.fromkeys(known[id]))) for id in known]
        self._all: dict[str, Provider] = {one.id: one for one in (LocalProvider(), *made, *plugged)}

    @property
    def all(self) -> list[Provider]:
        """In order of their ids."""
        return [self._all[id] for id in sorted(self._all)]

    def find(self, id: str) -> Provider | None:
        return self._all.get(id)

    def offers(self, request: ComputeRequest) -> list[Candidate]:
        """Who could do this. Raises UnsupportedKind where nobody does jobs of this kind, and InputError."""
        able = [one for one in self._all.values() if request.does in one.kinds]
        if not able:
            wanted = _WANTED.get(request.does, f"a provider for jobs of the kind {request.does}")
            raise UnsupportedKind(
                f"nobody here does {request.does}: it takes {wanted}, which can be plugged in", kind=request.does
            )
        named = self._named(request.model)
        if named is not None and request.does in named.kinds:
            able = [*able, named]
        return [candidate for one in able for candidate in one.offers(request)]

    def doer(self, id: str) -> Provider:
        """Who made an offer."""
        return self._all.get(id) or ModelProvider(id, self._gateway)

    def _named(self, model: str) -> Provider | None:
        """The provider that a full name begins with, where it is known in general and not set up here."""
        id, slash, _ = model.partition("/")
        return ModelProvider(id, self._gateway) if slash and id in PROVIDERS and id not in self._all else None
