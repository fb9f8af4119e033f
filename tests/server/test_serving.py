"""`perdure serve` as a process: it stops when it is told to. Killed, it is in `stories/test_server_killed.py`."""

from __future__ import annotations

import asyncio
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

Start = Callable[..., Any]

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


@pytest.fixture
def start(tmp_path: Path, serve: Any) -> Iterator[Start]:
    """Serve a project in a process of its own."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "tools.py").write_text(TOOLS)
    for name, text in AGENTS.items():
        (tmp_path / "agents" / f"{name}.yaml").write_text(text)
    begun: list[Any] = []

    def begin(*words: str) -> Any:
        begun.append(serve(tmp_path, "--port", "0", *words))
        return begun[-1]

    yield begin
    for process in begun:
        process.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_when_requests_under_way_are_answered(start: Start, number: signal.Signals) -> None:
    server = start()
    asking = asyncio.create_task(server.ask("POST", "/invoke", {"spec": "sleeper", "input": "x"}))
    await until((server.folder / "begun.txt").exists)
    server.signal(number)
    status, answer = await asking
    assert (status, answer["output"]) == (200, "Awake.")
    assert await server.end() == 0


async def test_what_takes_longer_than_the_grace_is_put_away_and_goes_on(start: Start) -> None:
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


async def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    server = start()
    asking = asyncio.create_task(server.ask("POST", "/invoke", {"spec": "sleeper", "input": "x"}))
    await until((server.folder / "begun.txt").exists)
    server.signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    server.signal(signal.SIGTERM)
    assert await server.end() == 130
    with pytest.raises((IndexError, ConnectionError)):
        await asking


async def test_it_stands_for_one_address(start: Start) -> None:
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
