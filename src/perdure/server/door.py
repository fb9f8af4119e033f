"""The door: who may come in.

A page in a browser can send requests to this machine too: by a name that its owner points here (DNS rebinding), or from
another site. Both are turned away, whatever they carry. Everybody else shows a key, or asks for what is open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from perdure.base.errors import BadSignature, Forbidden, Replayed, Unauthorized

from .access import Access
from .rates import Rates, Standing

LOCAL = "localhost"
SAFE_METHODS = ("GET", "HEAD")
Side: TypeAlias = Literal["own", "listed", "unknown", "follower"]
"""Whose page sends this: one of ours, one that is listed, perhaps none at all. A follower came by a link elsewhere."""


class Door:
    """`open_paths` are templates of paths that need no key; who comes to one as nobody has no principal. The principal
    is `request.state.principal`."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        *,
        hosts: Collection[str],
        origins: Collection[str],
        rates: Rates | None,
        open_paths: Collection[str],
    ) -> None:
        self._app = app
        self._access = access
        self._hosts = frozenset((LOCAL, *(host.lower() for host in hosts)))
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._rates = rates
        self._open = [compile_path(path)[0] for path in open_paths]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"")
        if host:
            self._check_host(host)
        side = self._side(headers, host, scope["method"])
        principal = None
        if side != "follower":
            takes_cookie = side == "own" or (side == "unknown" and scope["method"] in SAFE_METHODS)
            try:
                principal, receive = await self._access.principal(headers, scope, receive, takes_cookie=takes_cookie)
            except (BadSignature, Replayed):
                raise  # its body has been read
            except Unauthorized:
                if not self._is_open(scope):
                    raise
        if principal is None and not self._is_open(scope):
            if side == "follower":
                raise Forbidden("pages of other sites may not call this server")
            raise Unauthorized("this needs a key")
        scope.setdefault("state", {})["principal"] = principal
        if principal is not None and principal.key:
            send = self._access.lasting(principal.key, send)
        if self._rates is not None and principal is not None and not self._is_open(scope):
            send = _telling(self._rates.take(principal.key), send)
        await self._app(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        return any(path.match(scope["path"]) for path in self._open)

    def _check_host(self, host: bytes) -> None:
        name = name_of(host)
        if name not in self._hosts and not is_address(name):
            raise Forbidden(f"this server is not called {name[:100]!r}", host=name[:100])

    def _side(self, headers: Mapping[bytes, bytes], host: bytes, method: str) -> Side:
        """Raises Forbidden for pages that are neither ours nor listed."""
        origin, site = headers.get(b"origin", b""), headers.get(b"sec-fetch-site", b"")
        if not origin and not site:
            return "unknown"
        said = origin.decode("latin-1").lower()
        if said in self._origins:
            return "listed"
        if origin and urlsplit(said).netloc != host.decode("latin-1").lower():
            raise Forbidden(f"pages of {said[:100]!r} may not call this server", origin=said[:100])
        if site in (b"cross-site", b"same-site"):
            # A link may lead here; what it leads to does not know who follows it.
            if method == "GET" and headers.get(b"sec-fetch-mode") == b"navigate":
                return "follower"
            raise Forbidden("pages of other sites may not call this server")
        return "own"


def _telling(standing: Standing, send: Send) -> Send:
    headers = [(name.encode(), value.encode()) for name, value in standing.headers().items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return sending


@lru_cache(maxsize=256)
def name_of(host: bytes) -> str:
    """The name or address in a Host header, without the port."""
    said = host.decode("latin-1").lower()
    if said.startswith("["):
        return said[1:].partition("]")[0]
    return said.partition(":")[0]


@lru_cache(maxsize=256)
def is_address(name: str) -> bool:
    """Whether this is an IP address: no name server can point one of these somewhere else."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens here."""
    return host == LOCAL or (is_address(host) and ip_address(host).is_loopback)
