"""Fetch over pyreqwest: one pooled client for each host and the address that it was checked to have."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, RequestError

from perdure.base.errors import InvalidArguments, ToolError, ToolFailed

from .port import FetchRequest, FetchResponse, Target

CLIENTS = 64


class PooledFetch:
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


def _cause(error: RequestError) -> str:
    causes = error.details["causes"]
    return causes[-1]["message"] if causes else error.message
