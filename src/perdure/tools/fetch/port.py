"""The fetch port: look a host up, send one request to one checked address, read a bounded answer."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Target(msgspec.Struct, frozen=True):
    """Where a URL leads, as the HTTP client itself reads it (`url.parse_url`)."""

    url: str
    scheme: str
    host: str  # a name in ASCII, or an IP address without brackets
    port: int
    userinfo: bool = False


class FetchRequest(msgspec.Struct, frozen=True):
    """One request; redirects are not followed. At most `limit` bytes of the answer's body are read."""

    method: str
    target: Target
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    limit: int = 1024 * 1024


class FetchResponse(msgspec.Struct, frozen=True):
    """Header names are lower case. `cut` says that the body went on beyond the limit."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: bool = False

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Fetch(Protocol):
    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The IP addresses of a host, in order of preference. Raises ToolFailed where it has none."""
        ...

    async def send(self, request: FetchRequest, address: str) -> FetchResponse:
        """Send the request to this address and no other. Raises ToolFailed where no connection came about, ToolError
        where the connection broke and nobody knows what the other side did."""
        ...
