"""A client of HTTP/1.1 that costs next to nothing: one kept connection, the bytes of a request out, an answer in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic_ns
from typing import NamedTuple, cast

LIMIT = 16 * 2**20
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Answer(NamedTuple):
    """`content` of a stream is as it came, chunks and their sizes."""

    status: int
    content: bytes


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=LIMIT))

    async def ask(self, request: bytes) -> Answer:
        """What the server answers, a stream to its end."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status, length = int(head[9:12]), head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        if length:
            return Answer(status, await self._reader.readexactly(int(length)))
        return Answer(status, await self._reader.readuntil(LAST_CHUNK))

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def connections(port: int, number: int) -> AsyncIterator[list[Connection]]:
    """So many clients, closed at the end."""
    opened: list[Connection] = []
    try:
        for _ in range(number):
            opened.append(await Connection.open(port))
        yield opened
    finally:
        await asyncio.gather(*(one.close() for one in opened))


class Watcher(asyncio.Protocol):
    """Takes in one stream, and notes when each piece of it came; nothing is made of it before its end."""

    def __init__(self, ended: asyncio.Future[None]) -> None:
        self.pieces: list[tuple[int, bytes]] = []
        """Nanoseconds of the clock that all processes of a machine share (`time.monotonic_ns`), and bytes."""
        self._ended = ended
        self._transport: asyncio.Transport

    @classmethod
    async def open(cls, port: int, request: bytes) -> Watcher:
        loop = asyncio.get_running_loop()
        transport, watcher = await loop.create_connection(lambda: cls(loop.create_future()), "127.0.0.1", port)
        transport.write(request)
        return watcher

    async def whole(self) -> bytes:
        """The stream to its end. Raises EOFError where it was cut off."""
        await self._ended
        self._transport.close()
        return self.content

    @property
    def content(self) -> bytes:
        """All that has come so far."""
        return b"".join(data for _, data in self.pieces)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.pieces.append((monotonic_ns(), data))
        if data.endswith(LAST_CHUNK[2:]) and not self._ended.done():
            self._ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_exception(EOFError("the stream was cut off"))
