"""A fetch that loads its HTTP client when a tool first fetches something: most agents never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.base.lazy import load

if TYPE_CHECKING:
    from .port import Fetch, FetchRequest, FetchResponse

_POOLED = "perdure.tools.fetch.pooled:PooledFetch"


class LazyFetch:
    def __init__(self) -> None:
        self._fetch: Fetch | None = None

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        return await self._loaded().addresses(host, port)

    async def send(self, request: FetchRequest, address: str) -> FetchResponse:
        return await self._loaded().send(request, address)

    def _loaded(self) -> Fetch:
        if self._fetch is None:
            self._fetch = load(_POOLED)()
        return self._fetch
