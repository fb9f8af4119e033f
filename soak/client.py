"""HTTP as a client speaks it who does not give up: an answer, or a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

BROKEN = (OSError, EOFError, IndexError, ValueError, TimeoutError)
"""What a client sees of a server that dies, or stands still: no connection, no answer, half an answer."""


class Answer(NamedTuple):
    status: int
    body: Any


class Event(NamedTuple):
    id: int
    kind: str
    data: Any


async def ask(
    port: int, token: str, method: str, path: str, body: Any = None, *, key: str = "", s: float = 40
) -> Answer:
    async with asyncio.timeout(s), _sent(port, token, method, path, body, {"idempotency-key": key}) as reader:
        status = await _status(reader)
        content = await reader.read()
        return Answer(status, json.loads(content) if content and status != 204 else None)


async def events(
    port: int, token: str, method: str, path: str, body: Any = None, *, key: str = "", after: int = 0, s: float = 60
) -> AsyncIterator[Event]:
    """What a stream sends; raises one of BROKEN where it breaks off, or is refused."""
    headers = {"idempotency-key": key, "last-event-id": str(after or "")}
    async with asyncio.timeout(s), _sent(port, token, method, path, body, headers) as reader:
        if (status := await _status(reader)) != 200:
            raise ValueError(f"{status} for a stream")
        kept = b""
        while size := int((await reader.readline()).strip() or b"!", 16):
            kept += await reader.readexactly(size)
            await reader.readline()
            *frames, kept = kept.split(b"\n\n")
            for frame in frames:
                fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if line[:1] != ":")
                if "data" in fields:
                    yield Event(int(fields.get("id", 0)), fields["event"], json.loads(fields["data"]))


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1])


@asynccontextmanager
async def _sent(
    port: int, token: str, method: str, path: str, body: Any, headers: dict[str, str]
) -> AsyncIterator[asyncio.StreamReader]:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {
        "host": f"127.0.0.1:{port}",
        "authorization": f"Bearer {token}",
        "connection": "close",
        "content-type": "application/json",
        "content-length": str(len(content)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content)
        yield reader
    finally:
        writer.transport.abort()
