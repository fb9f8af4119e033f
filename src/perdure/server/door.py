"""The door: who may come in.

A page in a browser can send requests to this machine too: by a name that its owner points here (DNS rebinding), or from
another site. Both are turned away, whatever they carry. Everybody else shows the token.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from perdure.base.errors import Forbidden, Unauthorized

LOCAL = "localhost"


class Door:
    """`token` None lets everybody in who comes by an allowed name. `open_paths` need no token."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str | None,
        hosts: Collection[str],
        origins: Collection[str],
        open_paths: Collection[str],
    ) -> None:
        self._app = app
        self._token = None if token is None else token.encode()
        self._hosts = frozenset((LOCAL, *(host.lower() for host in hosts)))
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._open = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = origin = site = shown = b""
        for name, value in scope["headers"]:
            match name:
                case b"host":
                    host = value
                case b"origin":
                    origin = value
                case b"sec-fetch-site":
                    site = value
                case b"authorization" if value[:7].lower() == b"bearer ":
                    shown = value[7:].strip()
                case b"x-api-key":  # how clients of Anthropic's API show theirs
                    shown = shown or value
                case _:
                    pass
        if host:
            self._check_host(host)
        if origin or site:
            self._check_site(origin, site, host)
        if self._token is not None and scope["path"] not in self._open and not compare_digest(shown, self._token):
            raise Unauthorized("the token is wrong" if shown else "this needs a token")
        await self._app(scope, receive, send)

    def _check_host(self, host: bytes) -> None:
        name = name_of(host)
        if name not in self._hosts and not is_address(name):
            raise Forbidden(f"this server is not called {name[:100]!r}", host=name[:100])

    def _check_site(self, origin: bytes, site: bytes, host: bytes) -> None:
        said = origin.decode("latin-1").lower()
        if said in self._origins:
            return
        if origin and urlsplit(said).netloc != host.decode("latin-1").lower():
            raise Forbidden(f"pages of {said[:100]!r} may not call this server", origin=said[:100])
        if site in (b"cross-site", b"same-site"):
            raise Forbidden("pages of other sites may not call this server")


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
