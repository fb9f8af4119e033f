"""How many may be in here at once: who comes when it is full is told so at once, and costs nothing more."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from perdure.base.errors import Busy

ALWAYS = "/healthz"
"""A process that is full is alive."""


class Crowd:
    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._here = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._here >= self._most and scope["path"] != ALWAYS:
            raise Busy(f"{self._most:,} requests are under way already", in_flight=self._most)
        self._here += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._here -= 1
