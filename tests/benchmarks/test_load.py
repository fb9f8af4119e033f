"""The load asks a real server, and looks at every answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from load import accept, invoke, streams, watch
from peers.catalogue import OURS, PEERS
from peers.process import Entrant, environment, program, workplace
from peers.serving import free_port
from project import model_server
from served import NotServing, Served, served

PERDURE = Entrant(next(peer for peer in PEERS if peer.name == OURS), sys.executable)
WRONG = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Wrong(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.do_POST()
    def do_POST(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

server = HTTPServer(("127.0.0.1", 0), Wrong)
asked = {"method": "POST", "path": "/", "body": "", "media_type": ""}
print(json.dumps({"port": server.server_port, "ready": "/", "token": "", "requests": {"invoke": asked}}), flush=True)
server.serve_forever()
"""


@contextmanager
def perdure() -> Iterator[Served]:
    with model_server() as url, workplace() as folder:
        words = program(PERDURE, "serve.py", url, str(folder / "state"), str(free_port()))
        with served(words, environment(PERDURE, folder)) as found:
            yield found


async def test_perdure_can_be_asked_everything() -> None:
    with perdure() as found:
        assert found.rss_mb > 10
        assert (await invoke(found, 4, 2))["invokes_per_s"] > 0
        accepted = await accept(found, 3)
        assert accepted["accepted_done_ms"] >= accepted["accept_p95_ms"] > 0
        assert (await streams(found, 2))["streams_events_per_s"] > 0
        assert (await watch(found, 2))["watchers_ms"] > 0


async def test_a_wrong_answer_is_no_figure() -> None:
    with served([sys.executable, "-c", WRONG]) as found:
        assert "accept" not in found and "invoke" in found
        with pytest.raises(ValueError, match="a wrong answer: 200"):
            await invoke(found, 1, 1)
        with pytest.raises(ValueError, match="a wrong answer: 200"):
            await accept(found, 1)


@pytest.mark.parametrize("line", ["", json.dumps({"port": 1, "ready": "/", "token": "", "requests": {}})])
def test_a_server_that_ends_is_reported(line: str) -> None:
    with (
        pytest.raises(NotServing, match="the server ended with 3"),
        served([sys.executable, "-c", f"print({line!r}) if {line!r} else None; raise SystemExit(3)"]),
    ):
        pass
