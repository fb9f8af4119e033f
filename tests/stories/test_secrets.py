"""Secrets are planted wherever a project may have some, and everything that is written is searched for them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from perdure.wiring import serve

MODEL_KEY = "planted-key-of-the-model-4711"
CRM_PASSWORD = "planted-bearer-of-the-crm-4712"
COLLECTOR = "planted-header-of-the-collector-4713"
NAMED = "planted-by-name-4714"
BY_SHAPE = "sk-proj-planted0123456789abcdefABCDEF4715"
SECRETS = (MODEL_KEY, CRM_PASSWORD, COLLECTOR, NAMED, BY_SHAPE)

TOOLS = f"""
import os
from perdure import ToolFailed, tool

@tool(effect="once")
async def refuse(amount: int) -> str:
    raise ToolFailed(f"no entry with {{os.environ['OF_THIS_PROJECT']}} nor with {BY_SHAPE}")

@tool(effect="once")
async def breaks(amount: int) -> str:
    raise ValueError(f"cannot open https://bob:{{os.environ['OF_THIS_PROJECT']}}@example.com")
"""
AGENT = """
name: clerk
model: {provider: compatible, name: m, base_url: "${MODEL_URL}", api_key: "${MODEL_ACCESS}"}
tools:
  - ../tools.py:refuse
  - ../tools.py:breaks
  - http: {allow: ["${MODEL_HOST}"], auth: {bearer: "${CRM_PASSWORD}"}}
"""


class World:
    """A model server, a service and a collector in one, that all talk too much: they tell what they were sent."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.sent: list[bytes] = []
        self.url = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if path.endswith("/v1/traces"):
            self.sent.append(body)
            return 200, b""
        if not path.endswith("/chat/completions"):
            return 200, json.dumps(headers).encode()
        answer = self.answers.pop(0)
        if answer is None:
            said = f"Incorrect API key provided: {headers['authorization']}"
            return 401, json.dumps({"error": {"message": said, "type": "invalid_request_error"}}).encode()
        reason = "tool_calls" if "tool_calls" in answer else "stop"
        choice = {"index": 0, "message": {"role": "assistant", "content": None, **answer}, "finish_reason": reason}
        return 200, json.dumps({"id": "1", "object": "chat.completion", "choices": [choice]}).encode()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, content = world.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    world.url = f"http://127.0.0.1:{server.server_port}"
    yield world
    server.shutdown()
    thread.join()
    server.server_close()


def calls(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"id": f"call-{name}", "type": "function", "function": function}]}


def ask(url: str, token: str, path: str, body: Any = None) -> bytes:
    """What the server answers, well or badly."""
    sent = None if body is None else json.dumps(body).encode()
    request = Request(url + path, sent, {"authorization": f"Bearer {token}", "content-type": "application/json"})
    try:
        with urlopen(request, timeout=30) as answer:
            return bytes(answer.read())
    except HTTPError as error:
        with error:
            return error.read()


async def test_no_secret_is_written_anywhere(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    monkeypatch.setenv("OF_THIS_PROJECT", NAMED)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "clerk.yaml").write_text(AGENT)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "perdure.toml").write_text(
        f'[telemetry]\nendpoint = "{world.url}"\nheaders = {{x-team = "{COLLECTOR}"}}\ncontent = true\n'
        'logs = "json"\nlevel = "debug"\nsecrets = ["OF_THIS_PROJECT", "MODEL_ACCESS"]\n'
    )
    environment = {
        **os.environ,
        "MODEL_URL": world.url,
        "MODEL_HOST": world.url.removeprefix("http://"),
        "MODEL_ACCESS": MODEL_KEY,
        "CRM_PASSWORD": CRM_PASSWORD,
    }
    world.answers = [
        calls("refuse", amount=1),
        calls("breaks", amount=1),
        calls("http", url=f"{world.url}/echo"),
        None,
    ]
    answers: list[bytes] = []
    async with serve(tmp_path, port=0, environment=environment) as served:

        async def get(path: str, body: Any = None) -> bytes:
            answers.append(await asyncio.to_thread(ask, served.url, served.token or "", path, body))
            return answers[-1]

        problem = json.loads(await get("/invoke", {"spec": "clerk", "input": "Do it"}))
        assert problem["code"] == "model.auth" and MODEL_KEY not in problem["detail"], problem
        run_id = problem["run_id"]
        for path in (f"/runs/{run_id}", f"/traces/{run_id}?full=true", f"/runs/{run_id}/events", "/metrics"):
            assert b"tool" in await get(path)
        server_token = served.token or ""
    logs = capfd.readouterr()
    lines = [json.loads(line) for line in logs.err.splitlines()]
    assert {"failed", "request", "tool refuse failed"} <= {line["message"] for line in lines}
    assert {line["trace_id"] for line in lines if line.get("run_id") == run_id} == {run_id.removeprefix("run_")}

    written = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in (tmp_path / ".perdure").rglob("*")
        if path.is_file() and path.name != "token"
    }
    assert any(b"no entry with" in content for content in written.values()), "the store has the error itself"
    assert any(b"no entry with" in content for content in world.sent), "so has the collector"
    written |= {"logs": f"{logs.out}{logs.err}".encode(), "collector": b"".join(world.sent), "http": b"".join(answers)}
    for place, content in written.items():
        for secret in (*SECRETS, server_token):
            assert secret.encode() not in content, f"{secret} is in {place}"
