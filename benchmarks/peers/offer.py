"""What a peer's server (`serve.py`) says on its first line: where it listens, and how it is asked.

    python benchmarks/peers/langgraph/serve.py http://127.0.0.1:8000/v1 /tmp/somewhere 8001

It says so before it listens; whoever started it asks for `ready` until there is an answer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from peers.program import Place


class Ask(NamedTuple):
    """A request. Where one follows another, `{name}` stands for a field of the answer before."""

    method: str
    path: str
    body: str = ""
    media_type: str = "application/json"


def post(path: str, body: Any) -> Ask:
    return Ask("POST", path, json.dumps(body))


def post_form(path: str, **fields: str) -> Ask:
    return Ask("POST", path, urlencode(fields), "application/x-www-form-urlencoded")


def get(path: str) -> Ask:
    return Ask("GET", path)


def given() -> tuple[Place, int]:
    """Where the peer works, and the port that it is to listen on."""
    url, folder, port = sys.argv[1:]
    return Place(url, Path(folder)), int(port)


def offer(port: int, *, ready: str, token: str = "", **requests: Ask) -> None:
    """Say how to ask: `invoke` waits for the answer, `stream` hears it; `accept` leaves a request and `result` fetches
    what became of it; `begin` has a run that `watch` is then told of, and `begin_pace` one that says words at a
    steady pace (`pacing.py`) and is watched meanwhile. What a server cannot do is left out."""
    asked = {name: ask._asdict() for name, ask in requests.items()}
    print(json.dumps({"port": port, "ready": ready, "token": token, "requests": asked}), flush=True)
