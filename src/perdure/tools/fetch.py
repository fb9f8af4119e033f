"""The way to the network for tools: look a host up, send one request to one checked address, read a bounded answer."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, RequestError
from pyreqwest.http import Url

from perdure.base.errors import InvalidArguments, ToolError, ToolFailed

CLIENTS = 64


class Target(msgspec.Struct, frozen=True):
    """Where a URL leads, as the HTTP client itself reads it: two parsers that differ are how allow-lists are fooled."""

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


def parse_url(url: str) -> Target:
    """Take an absolute http or https URL apart. Raises InvalidArguments for any other."""
    try:
        parsed = Url(url)
    except ValueError as error:
        raise InvalidArguments(f"not a URL: {url!r} ({error})") from error
    host, port = parsed.host_str, parsed.port_or_known_default
    if parsed.scheme not in ("http", "https") or not host or port is None:
        raise InvalidArguments(f"not an http or https URL: {url!r}")
    if host.endswith("."):  # the same host by another name, which no list and no look-up would know
        parsed, host = parsed.with_host(host.rstrip(".")), host.rstrip(".")
    text = str(parsed.with_fragment(None))
    return Target(text, parsed.scheme, host.strip("[]"), port, bool(parsed.username or parsed.password))


def join_url(base: str, link: str) -> Target:
    """Where a redirect's Location leads. Raises InvalidArguments where it is no http or https URL."""
    try:
        return parse_url(str(Url(base).join(link)))
    except ValueError as error:
        raise InvalidArguments(f"redirected to what is not a URL: {link!r}") from error


def add_query(url: str, query: dict[str, str]) -> str:
    """The URL with these parameters after its own."""
    return str(Url(url).extend_query(query)) if query else url


class PooledFetch:
    """Over pyreqwest: one pooled client for each host and the address that it was checked to have."""

    def __init__(self) -> None:
        self._clients: OrderedDict[tuple[str, int, str], Client] = OrderedDict()

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ToolFailed(f"the host {host} was not found: {error}", hint="Check the host's name.") from error
        return tuple(dict.fromkeys(str(one[4][0]) for one in found))

    async def send(self, request: FetchRequest, address: str) -> FetchResponse:
        target = request.target
        try:
            builder = self._client(target, address).request(request.method, target.url)
            for name, value in request.headers:
                builder = builder.header(name, value)
            if request.body is not None:
                builder = builder.body_bytes(request.body)
            call = builder.build_streamed()
        except ValueError as error:
            raise InvalidArguments(f"the request cannot be sent: {error}") from error
        try:
            async with call as response:
                body = bytearray()
                while len(body) <= request.limit and (chunk := await response.body_reader.read_chunk()) is not None:
                    body += chunk
                headers = tuple((name.lower(), value) for name, value in response.headers.items())
                cut = len(body) > request.limit
                return FetchResponse(response.status, headers, bytes(body[: request.limit]), cut)
        except ConnectError as error:
            raise ToolFailed(
                f"no connection to {target.host}:{target.port}: {_cause(error)}", retryable=True
            ) from error
        except RequestError as error:
            raise ToolError(
                f"the connection to {target.host}:{target.port} broke: {_cause(error)}", retryable=True
            ) from error

    def _client(self, target: Target, address: str) -> Client:
        key = (target.host, target.port, address)
        client = self._clients.get(key)
        if client is None:
            # No proxy and no look-up of its own: it would connect to an address that nobody checked.
            builder = ClientBuilder().follow_redirects(False).no_proxy().user_agent("perdure")
            client = self._clients[key] = builder.resolve(target.host, address, target.port).build()
            if len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(key)
        return client


class MemoryFetch:
    """Answers from a function; `hosts` are the names that it knows with their addresses, `sent` what it was asked."""

    def __init__(
        self, answer: Callable[[FetchRequest], FetchResponse], hosts: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self.sent: list[tuple[FetchRequest, str]] = []
        self._answer = answer
        self._hosts = hosts or {}

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        if host not in self._hosts:
            raise ToolFailed(f"the host {host} was not found")
        return self._hosts[host]

    async def send(self, request: FetchRequest, address: str) -> FetchResponse:
        self.sent.append((request, address))
        return self._answer(request)


def _cause(error: RequestError) -> str:
    causes = error.details["causes"]
    return causes[-1]["message"] if causes else error.message
