"""The transport of a runtime: plain HTTP on the loop where that is all it takes, the full client for the rest."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from .http import HttpTransport
from .plain.transport import PlainTransport
from .port import Answer, Incoming, Post, Transport
from .proxies import Proxies


class ChoosingTransport:
    """`http://` without a proxy is `plain`; TLS, and what goes through a proxy of the `environment`, is `full`."""

    def __init__(
        self, environment: Mapping[str, str], *, plain: Transport | None = None, full: Transport | None = None
    ) -> None:
        self._proxies = Proxies(environment)
        self._plain = plain or PlainTransport()
        self._full = full or HttpTransport()

    def post(self, post: Post) -> Coroutine[Any, Any, Answer]:
        return self._for(post.url).post(post)

    def stream(self, post: Post) -> AbstractAsyncContextManager[Incoming]:
        return self._for(post.url).stream(post)

    async def close(self) -> None:
        await self._plain.close()
        await self._full.close()

    def _for(self, url: str) -> Transport:
        if url[:7].lower() == "http://" and self._proxies.surely_none(url):
            return self._plain
        return self._full
