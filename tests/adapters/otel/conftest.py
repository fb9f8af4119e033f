"""A collector that keeps what it is sent, and a model server that keeps the headers it was asked with."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import perdure
from perdure.testing import Scripted, by_turn

TOOLS = """
from perdure import ToolFailed, tool

@tool(effect="once")
async def pay(amount: int) -> str:
    if amount < 0:
        raise ToolFailed("nobody pays less than nothing")
    return f"paid {amount}"
"""
AGENTS = {
    "clerk": """
name: clerk
description: Keeps the books
model: {provider: scripted, name: m, price: {input: 1000, output: 1000}}
tools: ["./tools.py:pay", ask]
""",
    "asking": """
name: asking
class: "./asking.py:Asking"
""",
    "odd": """
name: odd
class: "./asking.py:Odd"
""",
    "remote": """
name: remote
model: {provider: compatible, name: m, base_url: "${MODEL_URL}", api_key: key-of-the-model-server}
tools: [{http: {allow: ["${MODEL_HOST:-127.0.0.1:80}"]}}]
""",
}
PARENT = '''
from perdure import Agent, Context

class Asking(Agent):
    """Asks a clerk."""

    async def on_message(self, ctx: Context, message):
        return (await ctx.run("clerk.yaml", "pay 5")).output

class Odd(Agent):
    """Keeps things as effects of kinds that are not its own."""

    async def on_message(self, ctx: Context, message):
        async def five(_):
            return 5

        for kind in ("model", "tool", "weather"):
            await ctx.effect(kind, "", five, effect="read")
        return "done"
'''


class Span:
    """A span as it came over the wire, its attributes as plain values."""

    def __init__(self, raw: Any, resource: Any) -> None:
        self.name: str = raw.name
        self.trace: str = raw.trace_id.hex()
        self.id: str = raw.span_id.hex()
        self.parent: str = raw.parent_span_id.hex()
        self.kind: int = raw.kind
        self.start_ms = raw.start_time_unix_nano // 1_000_000
        self.end_ms = raw.end_time_unix_nano // 1_000_000
        self.attributes = {one.key: _value(one.value) for one in raw.attributes}
        self.resource = {one.key: _value(one.value) for one in resource.attributes}
        self.events = [event.name for event in raw.events]
        self.error: str = raw.status.message


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    found = getattr(value, kind)
    return tuple(map(_value, found.values)) if kind == "array_value" else found


class Collector:
    """OTLP over HTTP. `spans` came in this order; `bodies` is all that was sent, as bytes."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.headers.append(headers)
        self.bodies.append(body)
        request = ExportTraceServiceRequest()
        request.ParseFromString(body)
        for group in request.resource_spans:
            for scoped in group.scope_spans:
                self.spans += [Span(raw, group.resource) for raw in scoped.spans]
        return b""

    def named(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found


class ModelServer:
    """OpenAI's Chat Completions: gives `answers` in turn, and keeps the headers of each request."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        self.headers.append(headers)
        if not path.endswith("/chat/completions"):
            return b'{"ok": true}'
        message = self.answers.pop(0)
        reason = "tool_calls" if "tool_calls" in message else "stop"
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        return json.dumps({"id": "chat-1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def _listen(taker: Any) -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(taker.take(self.path, headers, body))

        def do_GET(self) -> None:
            self._answer(taker.take(self.path, {name.lower(): value for name, value in self.headers.items()}, b""))

        def _answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    taker.url = f"http://127.0.0.1:{server.server_port}"
    yield taker
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    yield from _listen(Collector())


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    yield from _listen(ModelServer())


Open: TypeAlias = Callable[..., AbstractAsyncContextManager[perdure.Runtime]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "asking.py").write_text(PARENT)
    for name, text in AGENTS.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def opened(project: Path, collector: Collector) -> Open:
    """Open the project, telling the collector, with these answers of its model. `said` goes into `[telemetry]`."""

    @asynccontextmanager
    async def begin(answers: Sequence[Any] = (), *, said: str = "", **more: Any) -> AsyncIterator[perdure.Runtime]:
        (project / "perdure.toml").write_text(f'[telemetry]\nendpoint = "{collector.url}"\n{said}')
        model = Scripted(by_turn(answers), name="scripted/m")
        async with perdure.open(project, models={"scripted/m": model}, **more) as runtime:
            yield runtime

    return begin
