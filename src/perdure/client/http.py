"""HTTP to one server: calls that are made again until they are answered, and streams of events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import BuilderError, RequestError

from perdure.base.clock import Clock
from perdure.base.codec import from_json, to_json
from perdure.base.errors import ERRORS, ConfigError, Disconnected, PerdureError
from perdure.compute.wire.sse import SseParser

FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 10_000
CALL_MS = 60_000
CONNECT_MS = 5_000
SILENCE_MS = 45_000
"""How long a stream may say nothing: the server sends a comment more often than that."""
LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
PASSING = frozenset((408, 429, 502, 503))
"""Statuses of a server that may answer when it is asked again; nothing was done."""


class Pauses:
    """How long to wait before the next attempt: longer each time, until one succeeds."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_MS

    def take(self) -> int:
        pause, self._next = self._next, min(self._next * 2, LONGEST_PAUSE_MS)
        return pause

    def reset(self) -> None:
        self._next = FIRST_PAUSE_MS


class Http:
    """`patience_ms` is how long a call is tried again while the server cannot be reached."""

    def __init__(self, url: str, token: str, clock: Clock, *, patience_ms: int) -> None:
        self.url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._clock = clock
        self._patience_ms = patience_ms
        self._client: Client | None = None

    async def call(self, method: str, path: str, body: Any = None, *, timeout_ms: int = CALL_MS) -> Any:
        """The JSON that the server answers with, None for nothing. A call that may or may not have arrived is made
        again, so it has to be one that does nothing the second time. Raises Disconnected, and the server's errors."""
        until, pauses = self._clock.now() + self._patience_ms, Pauses()
        while True:
            try:
                status, content = await self._send(method, path, body, timeout_ms)
            except RequestError as error:
                trouble: PerdureError = self._lost(error)
            else:
                if status < 400:
                    return from_json(content) if content else None
                trouble = error_of(status, content)
                if status not in PASSING:
                    raise trouble
            pause = pauses.take()
            if self._clock.now() + pause > until:
                raise trouble
            await self._clock.sleep(pause)

    @asynccontextmanager
    async def stream(self, path: str, *, last_event_id: str = "") -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
        """The server's events as (name, data), while this is entered. Raises Disconnected where the connection cannot
        be had or breaks, and the server's errors."""
        headers = {**self._headers, **({"last-event-id": last_event_id} if last_event_id else {})}
        try:
            request = self._open().get(self.url + path).headers(headers).streamed_read_buffer_limit(0).build_streamed()
            async with request as response:
                if response.status >= 400:
                    raise error_of(response.status, bytes(await response.bytes()))
                yield self._events(response)
        except RequestError as error:
            raise self._lost(error) from error
        except (BuilderError, ValueError) as error:
            self._wrong(error)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _events(self, response: Any) -> AsyncIterator[tuple[str, str]]:
        parser = SseParser()
        while True:
            try:
                async with asyncio.timeout(SILENCE_MS / 1000):
                    chunk = await response.body_reader.read_chunk()
            except TimeoutError as error:
                raise Disconnected(f"{self.url} says nothing any more") from error
            if chunk is None:
                raise Disconnected(f"{self.url} ended the stream")
            for event in parser.feed(bytes(chunk)):
                yield event

    async def _send(self, method: str, path: str, body: Any, timeout_ms: int) -> tuple[int, bytes]:
        try:
            request = (
                self._open()
                .request(method, self.url + path)
                .headers(self._headers | ({"content-type": "application/json"} if body is not None else {}))
                .timeout(timedelta(milliseconds=timeout_ms))
                .body_bytes(b"" if body is None else to_json(body))
                .build()
            )
        except (BuilderError, ValueError) as error:
            self._wrong(error)
        response = await request.send()
        return response.status, bytes(await response.bytes())

    def _open(self) -> Client:
        if self._client is None:
            connect = timedelta(milliseconds=CONNECT_MS)
            builder = ClientBuilder().follow_redirects(False).connect_timeout(connect).user_agent("perdure")
            if urlsplit(self.url).hostname in LOOPBACK:
                builder = builder.no_proxy()
            self._client = builder.build()
        return self._client

    def _lost(self, error: RequestError) -> Disconnected:
        causes = [cause["message"] for cause in error.details["causes"] or ()] or [error.message]
        return Disconnected(f"{self.url}: {causes[-1]}")

    def _wrong(self, error: Exception) -> NoReturn:
        raise ConfigError("the server's address or the token cannot be used") from error


def error_of(status: int, content: bytes) -> PerdureError:
    """The error that a server's answer tells, as it was raised there."""
    try:
        told = from_json(content)
        cls = ERRORS.get(told.get("code", ""), PerdureError)
        return cls(str(told.get("detail", status)), hint=told.get("hint"), **told.get("facts", {}))
    except (msgspec.DecodeError, AttributeError, TypeError):
        return PerdureError(f"the server answered with status {status}", status=status)
