"""A model server on a real socket that does exactly what a test tells it to, well-behaved or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

Behave = Callable[[bytes, bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []  # head and body
        self.connections = 0
        self.base_url = ""

    @asynccontextmanager
    async def run(self, behave: Behave, *, ssl=None) -> AsyncIterator[Server]:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            tasks.add(asyncio.current_task())
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = next(
                        int(line.split(b":")[1])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length")
                    )
                    body = await reader.readexactly(length)
                    self.requests.append((head, body))
                    await behave(head, body, writer)
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            except asyncio.CancelledError:
                if not closing:
                    raise
            finally:
                writer.close()
                with suppress(OSError, TimeoutError):  # the socket is closed before the loop is
                    await asyncio.wait_for(writer.wait_closed(), 2)

        tasks: set = set()
        closing = False
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=ssl)
        scheme = "https" if ssl else "http"
        self.base_url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            closing = True
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @staticmethod
    def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> bytes:
        told = {"content-type": "application/json", "content-length": str(len(body))} | (headers or {})
        lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {text}" for name, text in told.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    @staticmethod
    def chunk(data: bytes) -> bytes:
        return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def server() -> Server:
    return Server()
