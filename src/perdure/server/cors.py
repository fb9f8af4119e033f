"""Pages of other sites that are listed may call this server, and read what it answers (https://fetch.spec.whatwg.org).

Cookies are not for them: a page elsewhere shows a key of its own.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = b"GET, HEAD, POST, PUT, DELETE"
REMEMBERED_S = 600
EXPOSED = (
    b"ETag, Last-Modified, Location, Retry-After, Perdure-Run-Id, Perdure-Agent-Id,"
    b" X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)


class Cors:
    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.lower().rstrip("/").encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        origin = headers.get(b"origin", b"")
        if origin.lower() not in self._origins:
            return await self._app(scope, receive, send)
        ours = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        asked = headers.get(b"access-control-request-method")
        if scope["method"] == "OPTIONS" and asked is not None:
            return await _preflight(ours, headers.get(b"access-control-request-headers", b""), send)
        ours.append((b"access-control-expose-headers", EXPOSED))

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *ours]}
            await send(message)

        return await self._app(scope, receive, sending)


async def _preflight(ours: list[tuple[bytes, bytes]], asked: bytes, send: Send) -> None:
    headers = [
        *ours,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"%d" % REMEMBERED_S),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
