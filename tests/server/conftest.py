"""A project served on a free port of loopback, and a client that speaks HTTP/1.1 over a socket, well or badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import perdure
import perdure.wiring
from perdure.testing import Scripted, by_turn
from perdure.wiring import serve

TOOLS = '''
from perdure import tool

@tool(effect="once")
async def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"
'''
AGENTS = {
    "clerk": """\
name: clerk
description: Keeps the books
model: {provider: scripted, name: m, price: {input: 1000, output: 1000}}
instructions: You are a clerk.
tools: ["../tools.py:pay", ask]
approve: [pay]
""",
    "poor": """\
name: poor
model: {provider: scripted, name: m, price: {input: 1000, output: 1000}}
budget: {per_run: $0.000001}
""",
}


class Answer:
    """What came back; `events` are those of a stream that has ended."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for event in map(event_of, self.content.decode().split("\n\n")) if event is not None]


class Stream:
    """An answer that is still coming."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._reader = reader
        self._writer = writer
        self._text = b""

    async def event(self) -> dict[str, Any]:
        """The next event, its data as `data` and the id as `id`; raises EOFError at the end."""
        while True:
            while b"\n\n" not in self._text:
                self._text += await self.piece()
            frame, _, self._text = self._text.partition(b"\n\n")
            found = event_of(frame.decode())
            if found is not None:
                return found

    async def piece(self) -> bytes:
        """What the server sent in one go."""
        piece = await chunk(self._reader)
        if not piece:
            raise EOFError
        return piece

    async def until(self, kind: str) -> dict[str, Any]:
        while True:
            event = await self.event()
            if event["event"] == kind:
                return event

    def close(self) -> None:
        self._writer.transport.abort()


def event_of(frame: str) -> dict[str, Any] | None:
    lines = [line.partition(": ") for line in frame.splitlines() if line and not line.startswith(":")]
    if not lines:
        return None
    event: dict[str, Any] = {name: value for name, _, value in lines}
    return {**event, "data": json.loads(event["data"])}


async def chunk(reader: asyncio.StreamReader) -> bytes:
    size = int(await reader.readline() or b"0", 16)
    content = await reader.readexactly(size)
    await reader.readline()
    return content


class Client:
    def __init__(self, url: str, token: str | None, runtime: perdure.Runtime) -> None:
        self.url = url
        self.token = token
        self.runtime = runtime
        self.host, _, port = url.removeprefix("http://").rpartition(":")
        self.port = int(port)
        self._open: list[asyncio.StreamWriter] = []

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.ask("POST", path, body, headers)

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        reader, writer = await self._send(method, path, body, headers or {})
        try:
            answer = await self._head(reader)
            if method == "HEAD" or answer.status in (204, 304):
                return answer
            content = b""
            if answer.headers.get("transfer-encoding") == "chunked":
                while piece := await chunk(reader):
                    content += piece
            else:
                content = await reader.readexactly(int(answer.headers["content-length"]))
            return Answer(answer.status, answer.headers, content)
        finally:
            writer.close()

    async def stream(self, method: str, path: str, body: Any = None, **headers: str) -> Stream:
        reader, writer = await self._send(method, path, body, headers)
        self._open.append(writer)
        return Stream(reader, writer, await self._head(reader))

    async def close(self) -> None:
        """Let go of streams that are still open."""
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def raw(self, data: bytes, *, end: bool = False) -> bytes:
        """Everything that comes back until the server closes the connection."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(data)
        if end:
            writer.write_eof()
        found = await reader.read()
        writer.close()
        return found

    async def _send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"host": f"{self.host}:{self.port}", "content-length": str(len(content))}
        if self.token is not None:
            sent["authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value)
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content)
        return reader, writer

    async def _head(self, reader: asyncio.StreamReader) -> Answer:
        status = int((await reader.readline()).split(b" ")[1])
        headers: dict[str, str] = {}
        while (line := (await reader.readline()).decode().strip()) != "":
            name, _, value = line.partition(": ")
            headers[name] = value
        return Answer(status, headers, b"")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "tools.py").write_text(TOOLS)
    for name, text in AGENTS.items():
        (tmp_path / "agents" / f"{name}.yaml").write_text(text)
    return tmp_path


Served = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def client_of() -> Callable[[perdure.wiring.Served], Client]:
    """A client of what `perdure.wiring.serve` serves, with the token."""
    return lambda found: Client(found.url, found.token, found.runtime)


@pytest.fixture
def served(project: Path) -> Served:
    """Serve the project with these answers of its model, taken by turn, or with a model of one's own."""

    @asynccontextmanager
    async def begin(answers: Sequence[Any] = (), *, model: Any = None, **more: Any) -> AsyncIterator[Client]:
        reports: list[str] = []
        scripted = model or Scripted(by_turn(answers), name="scripted/m")
        async with serve(project, port=0, models={"scripted/m": scripted}, report=reports.append, **more) as found:
            client = Client(found.url, found.token, found.runtime)
            yield client
        await client.close()
        assert reports == []

    return begin
