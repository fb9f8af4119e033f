"""The transport of a runtime: plain HTTP on the loop where that is all it takes, the full client for the rest."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from perdure.base.lazy import load

from .plain.transport import PlainTransport
from .port import Answer, Incoming, Post, Transport
from .proxies import Proxies

_FULL = "perdure.compute.transport.http:HttpTransport"


class ChoosingTransport:
    """`http://` without a proxy is `plain`; TLS, and what goes through a proxy of the `environment`, is `full`.

    The full client is loaded when it is first needed."""

    def __init__(
        self, environment: Mapping[str, str], *, plain: Transport | None = None, full: Transport | None = None
    ) -> None:
        self._proxies = Proxies(environment)
        self._plain = plain or PlainTransport()
        self._full = full

    def post(self, post: Post) -> Coroutine[Any, Any, Answer]:
        return self._for(post.url).post(post)

    def stream(self, post: Post) -> AbstractAsyncContextManager[Incoming]:
        return self._for(post.url).stream(post)

    async def close(self) -> None:
        await self._plain.close()
        if self._full is not None:
            await self._full.close()

    def _for(self, url: str) -> Transport:
        if url[:7].lower() == "http://" and self._proxies.surely_none(url):
            return self._plain
        if self._full is None:
            self._full = load(_FULL)()
        return self._full
