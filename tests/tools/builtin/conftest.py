"""A web server on a free port of this machine, for the tests that mean real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Web:
    """`routes` maps paths to raw answers, or to functions of the request that give one; `asked` is what came in."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Asked] = []
        self.routes: dict[str, Any] = {}

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                asked = Asked(method, path, headers, body)
                self.asked.append(asked)
                found = self.routes.get(path.partition("?")[0], answer(404, b"nothing here", "text/plain"))
                found = found(asked) if callable(found) else found
                if found is None:  # hang
                    await reader.read()
                    return
                writer.write(found)
                await writer.drain()
                if b"connection: close" in found[:200].lower():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int = 200, body: bytes = b"", content_type: str = "application/json", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def web() -> Callable[[], Any]:
    @asynccontextmanager
    async def serve() -> AsyncIterator[Web]:
        web = Web()
        server = await asyncio.start_server(web.handle, "127.0.0.1", 0)
        web.port = server.sockets[0].getsockname()[1]
        try:
            yield web
        finally:
            server.close()
            await asyncio.sleep(0)

    return serve


@pytest.fixture
def respond() -> Callable[..., bytes]:
    return answer
