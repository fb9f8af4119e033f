"""`perdure serve` as a process: it stops when it is told to. Killed, it is in `stories/test_server_killed.py`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from perdure.server.serving import listen

SOURCE = Path(__file__).parents[2] / "src"
ENTRY = "from perdure.cli.main import main; main()"

TOOLS = """\
import time
from perdure import tool

@tool(effect="read")
def slow(seconds: float) -> str:
    \"\"\"Take a while.\"\"\"
    open("begun.txt", "w").close()
    time.sleep(seconds)
    return f"slept {seconds}"
"""
AGENTS = {
    "calc": "name: calc\nmodel: demo/planner\ninstructions: You calculate.\ntools: [calculator]\n",
    "sleeper": """\
name: sleeper
model: demo/planner
instructions: |
  1. call slow {"seconds": 0.6}
  2. call slow {"seconds": 0.6}
  3. call slow {"seconds": 0.6}
  4. say Awake.
tools: ["../tools.py:slow"]
""",
}


def test_answers_are_sent_at_once() -> None:
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # else asyncio lets small answers wait for one another


class Process:
    """A server in a process of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENTRY, "serve", "--port", "0", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        assert line.startswith("Serving "), line + self._process.stderr.read()
        self.url = line.split()[-1]
        self.port = int(self.url.rpartition(":")[2])
        self.token = (folder / ".perdure" / "token").read_text().strip()

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {self.token}\r\n"
            head += f"idempotency-key: {key}\r\n" if key else ""
            kind = "content-type: application/json\r\nconnection: close\r\n"
            writer.write(f"{head}{kind}content-length: {len(content)}\r\n\r\n".encode() + content)
            found, _, answer = (await reader.read()).partition(b"\r\n\r\n")
            return int(found.split(b" ")[1]), json.loads(answer)
        finally:
            writer.close()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        await asyncio.to_thread(self._process.communicate)
        return self._process.returncode

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Serve a project in a process of its own."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "tools.py").write_text(TOOLS)
    for name, text in AGENTS.items():
        (tmp_path / "agents" / f"{name}.yaml").write_text(text)
    begun: list[Process] = []

    def begin(*words: str) -> Process:
        begun.append(Process(tmp_path, *words))
        return begun[-1]

    yield begin
    for process in begun:
        process.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_when_requests_under_way_are_answered(
    start: Callable[..., Process], number: signal.Signals
) -> None:
    server = start()
    asking = asyncio.create_task(server.ask("POST", "/invoke", {"spec": "sleeper", "input": "x"}))
    await until((server.folder / "begun.txt").exists)
    server.signal(number)
    status, answer = await asking
    assert (status, answer["output"]) == (200, "Awake.")
    assert await server.end() == 0


async def test_what_takes_longer_than_the_grace_is_put_away_and_goes_on(start: Callable[..., Process]) -> None:
    server = start()
    (server.folder / "perdure.toml").write_text("[lifecycle.shutdown]\ngrace_period = 1\n")
    server.signal(signal.SIGTERM)
    await server.end()
    server = start()
    ask = {"spec": "sleeper", "agent_id": "s", "input": "x"}
    asking = asyncio.create_task(server.ask("POST", "/invoke", ask))
    await until((server.folder / "begun.txt").exists)
    server.signal(signal.SIGTERM)
    status, answer = await asking
    assert (status, answer["code"], answer["retryable"]) == (503, "server.stopping", True)
    assert await server.end() == 0
    server = start()
    while True:
        _, page = await server.ask("GET", "/runs?agent_id=s")
        if page["items"][0]["status"] == "done":
            break
    _, run = await server.ask("GET", f"/runs/{page['items'][0]['run_id']}")
    assert run["output"] == "Awake."


async def test_a_second_signal_ends_it_at_once(start: Callable[..., Process]) -> None:
    server = start()
    asking = asyncio.create_task(server.ask("POST", "/invoke", {"spec": "sleeper", "input": "x"}))
    await until((server.folder / "begun.txt").exists)
    server.signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    server.signal(signal.SIGTERM)
    assert await server.end() == 130
    with pytest.raises((IndexError, ConnectionError)):
        await asking


async def test_it_stands_for_one_address(start: Callable[..., Process]) -> None:
    server = start()
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", ENTRY, "serve", "--port", str(server.port)],
        cwd=server.folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2 and "cannot listen on" in done.stderr
