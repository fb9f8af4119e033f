"""Messages of a WebSocket server become events, also after it was away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import perdure
from perdure.base.errors import InvalidFile, MissingDependency
from perdure.control.drivers import websocket
from perdure.control.drivers.websocket import payload_of


def configure(project: Path, url: str, topic: str = "prices") -> None:
    text = f'[bus.sources.feed]\nwebsocket = "{url}"\ntopic = "{topic}"\nsend = "all"\n'
    (project / "perdure.toml").write_text(text)


async def test_what_a_server_says_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "FIRST_PAUSE_MS", 10)
    asked: list[str] = []

    async def speak(connection: ServerConnection) -> None:
        asked.append(str(await connection.recv()))
        await connection.send(json.dumps({"n": len(asked)}))
        await connection.send("no JSON")
        if len(asked) == 1:
            connection.transport.abort()  # it is gone in the middle
        else:
            await connection.wait_closed()

    async with serve(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        configure(tmp_path, f"ws://127.0.0.1:{port}")
        async with perdure.open(tmp_path, recover=True) as rt:
            heard = await rt.topics.subscribe("prices", after=0)
            found: list[Any] = []
            async with asyncio.timeout(20):
                while {"n": 2} not in found or found[-1] != "no JSON":
                    found.append((await anext(heard)).envelope.payload)
            assert set(asked) == {"all"} and len(asked) == 2
            assert (await rt.topics.events("prices"))[0].envelope.sender == "websocket:feed"


async def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CONNECT", "no_such_library:connect")
    configure(tmp_path, "ws://127.0.0.1:9")
    with pytest.raises(MissingDependency, match="WebSockets"):
        async with perdure.open(tmp_path, recover=True):
            pass


@pytest.mark.parametrize(("url", "topic"), [("http://x", "a"), ("ws://x", "a b"), ("ws://x", "a.*")])
async def test_a_source_that_cannot_be_is_found_in_the_file(tmp_path: Path, url: str, topic: str) -> None:
    configure(tmp_path, url, topic)
    with pytest.raises(InvalidFile):
        async with perdure.open(tmp_path):
            pass


def test_what_a_message_says() -> None:
    assert payload_of('{"a": 1}') == {"a": 1}
    assert payload_of("text") == "text"
    assert payload_of(b"text") == "text"
    assert payload_of(b"\xff") == b"\xff"
