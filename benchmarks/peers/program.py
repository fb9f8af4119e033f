"""The program of every peer: says what it can do (`Peer`), and is run with a scenario's name and arguments.

    python benchmarks/peers/langgraph/peer.py at_once http://127.0.0.1:8000/v1 /tmp/somewhere runs=512 clients=64

Figures are the last line of its output, as JSON. Where speed is measured all peers run on uvloop, as all may; where a
process starts, on what Python brings along.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from measure import Meter, quantile, rss_mb
from peers.task import ANSWER, QUESTION

MODEL_CALLS = 2
MARK = "ANSWERED"
"""Begins the line that says, from `first` and `go_on`, that the answer is there."""


class Place(NamedTuple):
    """Where a peer works: the base URL of the model, and an empty folder for what it keeps.

    `durable`: the run is about to be killed. A peer that can be set to keep more than it does by default does so then,
    and only then, so that each is measured at its best.
    """

    url: str
    folder: Path
    durable: bool = False


class Peer(Protocol):
    """What is asked of a peer."""

    async def ask(self, question: str, conversation: str) -> str:
        """Have the agent answer, and keep what was said under the conversation's name."""

    def stream(self, question: str) -> AsyncIterator[str]:
        """The answer's text as it comes, in a new conversation; of those that the catalogue says `hears`."""

    async def go_on(self, question: str, conversation: str) -> str | None:
        """Finish a run whose process was killed; None where there is nothing to go on with. Raises Stopped."""


class Stopped(Exception):
    """The run waits for a person to say what became of the tool call."""


Open = Callable[[Place], AbstractAsyncContextManager[Peer]]


def main(open: Open) -> None:
    scenario, url, folder, *given = sys.argv[1:]
    place = Place(url, Path(folder), durable=scenario in ("begin", "go_on"))
    arguments = {name: int(value) for name, _, value in (item.partition("=") for item in given)}
    if scenario == "load":
        return
    if scenario in ("first", "begin", "go_on"):
        asyncio.run(_ONCE[scenario](open, place))
        return
    import uvloop

    found = uvloop.run(_measured(open, place, scenario, arguments))
    print("\n" + json.dumps(found), flush=True)


async def first(open: Open, place: Place) -> None:
    """From nothing to the first answer."""
    async with open(place) as peer:
        _check(await peer.ask(QUESTION, "first"))
        print(f"\n{MARK} {rss_mb()}", flush=True)


async def begin(open: Open, place: Place) -> None:
    """A run that is killed before it ends."""
    async with open(place) as peer:
        await peer.ask(QUESTION, "killed")


async def go_on(open: Open, place: Place) -> None:
    """Take up the run that was killed; ask the question once more where that cannot be done."""
    async with open(place) as peer:
        how = "goes on"
        try:
            answer = await peer.go_on(QUESTION, "killed")
            if answer is None:
                how, answer = "starts anew", await peer.ask(QUESTION, "killed")
            _check(answer)
        except Stopped:
            how = "asks a person"
        print(f"\n{MARK} {how}", flush=True)


_ONCE: dict[str, Callable[[Open, Place], Coroutine[Any, Any, None]]] = {
    "first": first,
    "begin": begin,
    "go_on": go_on,
}


async def _measured(open: Open, place: Place, scenario: str, arguments: dict[str, int]) -> dict[str, float]:
    import work

    empty, bare = stored(place.folder), round_trip_ms(place.url)
    async with open(place) as peer:

        async def ask(conversation: str) -> None:
            _check(await peer.ask(QUESTION, conversation))

        if scenario == "words":
            found = await work.words(peer.stream, place.url, **arguments)
        else:
            do: Callable[..., Awaitable[dict[str, float]]] = getattr(work, scenario)
            found = await do(ask, **arguments)
    for share in ("p50", "p99"):
        if f"whole_{share}_ms" in found:
            found[f"ours_{share}_ms"] = found[f"whole_{share}_ms"] - MODEL_CALLS * bare
    return found | {"round_trip_ms": bare, "stored": stored(place.folder) - empty}


def round_trip_ms(url: str, times: int = 100) -> float:
    """What a call of the model takes when nothing is done with it: bytes out, bytes in, on an open connection."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    body = json.dumps({"model": "bench", "messages": [{"role": "user", "content": QUESTION}]}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: model\r\ncontent-length: %d\r\n\r\n" % len(body)
    took: list[float] = []
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            meter = Meter()
            connection.sendall(head + body)
            if not connection.recv(65_536).endswith(b"}"):
                raise SystemExit("the model's answer came in pieces")
            took.append(meter.wall_ms)
    return quantile(took, 0.5)


def stored(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(answer: str) -> None:
    if ANSWER not in answer:
        raise SystemExit(f"a wrong answer: {answer!r}")
