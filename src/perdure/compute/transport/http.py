"""HTTP through pyreqwest, with TLS and proxies: one pool of connections for all servers that a process talks to.

Certificates are always verified, against the roots of the system. The proxy variables of the environment (`HTTP_PROXY`,
`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`) are read when the first call is made; put `NO_PROXY=127.0.0.1,localhost` beside
them where a model server runs on this machine.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import NoReturn
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    BuilderError,
    ClientClosedError,
    ConnectError,
    DecodeError,
    RequestError,
    RequestTimeoutError,
)
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from perdure.base.duration import show_duration
from perdure.base.errors import BrokenStream, ConfigError, InvalidAnswer, ModelError, ModelTimeout, Unreachable

from .port import CONNECT_MS, IDLE_MS, MAX_BODY, Answer, Post

READ_AHEAD = 65_536


class HttpTransport:
    """`connect_ms` bounds the opening of a connection, `idle_ms` the silence between two chunks of a stream.

    `root_certificate` is one more authority to trust, in PEM form. Calls may come from any event loop.
    """

    def __init__(
        self,
        *,
        connect_ms: int = CONNECT_MS,
        idle_ms: int = IDLE_MS,
        max_body: int = MAX_BODY,
        root_certificate: bytes | None = None,
    ) -> None:
        self._connect_ms = connect_ms
        self._idle_ms = idle_ms
        self._max_body = max_body
        self._root_certificate = root_certificate
        self._client: Client | None = None

    async def post(self, post: Post) -> Answer:
        async with self._exchange(post, READ_AHEAD) as incoming:
            return Answer(incoming.status, incoming.headers, await incoming.read())

    def stream(self, post: Post) -> Exchange:
        return self._exchange(post, 0)  # pyreqwest gives nothing until it has read so far ahead, or to the end

    def _exchange(self, post: Post, read_ahead: int) -> Exchange:
        client = self._client or self._open()
        try:
            request = (
                client.post(post.url)
                .headers(post.headers)
                .timeout(timedelta(milliseconds=post.timeout_ms))
                .body_bytes(post.body)
                .streamed_read_buffer_limit(read_ahead)
                .build_streamed()
            )
        except ValueError:  # its text may hold a header's secret, so it is not passed on
            raise ConfigError(f"{_place(post.url)} is not a URL, or a header cannot be sent") from None
        return Exchange(request, post, self._connect_ms, self._idle_ms, self._max_body)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _open(self) -> Client:
        builder = (
            ClientBuilder()
            .follow_redirects(False)
            .referer(False)
            .connect_timeout(timedelta(milliseconds=self._connect_ms))
            .user_agent("perdure")
        )
        if self._root_certificate is not None:
            builder = builder.add_root_certificate_pem(self._root_certificate)
        self._client = builder.build()
        return self._client


class Exchange:
    """One call under way: enter it to send, and read the answer inside. Leaving early drops the connection."""

    __slots__ = ("_connect_ms", "_idle_ms", "_left", "_max_body", "_post", "_request", "_response", "headers", "status")

    def __init__(self, request: StreamRequest, post: Post, connect_ms: int, idle_ms: int, max_body: int) -> None:
        self._request = request
        self._post = post
        self._connect_ms = connect_ms
        self._idle_ms = idle_ms
        self._max_body = max_body
        self._left = max_body
        self._response: Response
        self.status: int
        self.headers: dict[str, str]

    async def __aenter__(self) -> Exchange:
        try:
            response = await self._request.__aenter__()
        except RequestError as error:
            self._fail(error)
        except BuilderError as error:
            raise ConfigError(f"{_place(self._post.url)}: {_causes(error)[-1]}") from error
        self._response = response
        self.status = response.status
        try:
            self.headers = dict(response.headers.items())
        except ValueError as error:
            await self._request.__aexit__(None, None, None)
            raise InvalidAnswer(f"{_place(self._post.url)} answered with a header that is not text") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.__aexit__(kind, error, trace)

    async def read(self) -> bytes:
        stated = self.headers.get("content-length")  # absent where the body is compressed or of unknown length
        if stated is None:
            return b"".join([chunk async for chunk in self.chunks()])
        self._count(int(stated))
        try:
            return bytes(await self._response.bytes())
        except RequestError as error:
            self._fail(error)

    def chunks(self) -> Exchange:
        return self  # not a generator: one that is left early would have to be closed by a task of its own

    def __aiter__(self) -> Exchange:
        return self

    async def __anext__(self) -> bytes:
        try:
            async with asyncio.timeout(self._idle_ms / 1000):
                chunk = await self._response.body_reader.read_chunk()
        except RequestError as error:
            self._fail(error)
        except TimeoutError as error:
            idle = show_duration(self._idle_ms)
            raise ModelTimeout(f"{_place(self._post.url)} said nothing for {idle}", idle_ms=self._idle_ms) from error
        if chunk is None:
            raise StopAsyncIteration
        self._count(len(chunk))
        return bytes(chunk)

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise InvalidAnswer(
                f"{_place(self._post.url)} answered with more than {self._max_body} bytes",
                retryable=False,
                limit=self._max_body,
            )

    def _fail(self, error: RequestError) -> NoReturn:
        raise _typed(error, self._post, self._connect_ms) from error


def _typed(error: RequestError, post: Post, connect_ms: int) -> ModelError:
    """What went wrong, told apart by the chain of causes that reqwest keeps."""
    place, causes = _place(post.url), _causes(error)
    connecting = "client error (Connect)" in causes
    match error:
        case RequestTimeoutError():
            if connecting and post.timeout_ms >= connect_ms:
                return Unreachable(f"{place}: no connection within {show_duration(connect_ms)}")
            return ModelTimeout(f"{place}: no whole answer within {show_duration(post.timeout_ms)}")
        case ConnectError() if connecting:
            return Unreachable(f"{place}: {causes[-1]}")
        case ClientClosedError():
            return BrokenStream(f"{place}: the connections of this process were closed")
        case BodyDecodeError() if "error reading a body from connection" not in causes:
            return InvalidAnswer(f"{place}: {causes[-1]}")
        case DecodeError() if not isinstance(error, BodyDecodeError):
            return InvalidAnswer(f"{place} does not answer in HTTP: {causes[-1]}")
        case _:
            return BrokenStream(f"{place}: {causes[-1]}")


def _causes(error: RequestError | BuilderError) -> list[str]:
    return [cause["message"] for cause in error.details["causes"] or ()] or [error.message]


def _place(url: str) -> str:
    """Scheme, host and port: the part of a URL that can hold no key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
