"""Plain HTTP: one pool of kept connections for each event loop, no thread beside it."""

from __future__ import annotations

import asyncio

from ..port import CONNECT_MS, IDLE_MS, MAX_BODY, Answer, Post
from .arriving import Part
from .exchange import Bounds, Exchange
from .pool import IDLE_S, Pool
from .request import parse_target


class PlainTransport:
    """HTTP/1.1 for `http://` URLs, without a proxy. Calls may come from any event loop.

    `connect_ms` bounds the opening of a connection, `idle_ms` the silence between two chunks of a stream, and
    `kept_ms` the time that a connection is kept open unused.
    """

    def __init__(
        self,
        *,
        connect_ms: int = CONNECT_MS,
        idle_ms: int = IDLE_MS,
        max_body: int = MAX_BODY,
        kept_ms: float = IDLE_S * 1000,
    ) -> None:
        self._bounds = Bounds(connect_ms, idle_ms, max_body)
        self._kept_ms = kept_ms
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    async def post(self, post: Post) -> Answer:
        exchange = self._exchange(post, streamed=False)
        try:
            await exchange.ask(Part.WHOLE)
            return Answer(exchange.status, exchange.headers, exchange.body())
        finally:
            exchange.leave()

    def stream(self, post: Post) -> Exchange:
        return self._exchange(post, streamed=True)

    async def close(self) -> None:
        here = asyncio.get_running_loop()
        pools, self._pools = self._pools, {}
        for loop, pool in pools.items():
            if loop is here:
                await pool.close()
            elif not loop.is_closed():
                asyncio.run_coroutine_threadsafe(pool.close(), loop)

    def _exchange(self, post: Post, *, streamed: bool) -> Exchange:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop) or self._open(loop)
        return Exchange(post, parse_target(post.url), pool, self._bounds, streamed=streamed)

    def _open(self, loop: asyncio.AbstractEventLoop) -> Pool:
        self._pools = {other: pool for other, pool in self._pools.items() if not other.is_closed()}
        pool = self._pools[loop] = Pool(loop, self._kept_ms / 1000)
        return pool
