"""The program of every peer: says what it can do (`Peer`), and is run with a scenario's name and arguments.

    python benchmarks/peers/langgraph/peer.py at_once http://127.0.0.1:8000/v1 /tmp/somewhere runs=512 clients=64

Figures are the last line of its output, as JSON. All peers run on the same event loop (uvloop), as all may; only `first`
uses what Python brings along.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from measure import rss_mb

from peers.task import ANSWER, QUESTION

MARK = "ANSWERED"
"""Begins the line that says, from `first` and `go_on`, that the answer is there."""


class Place(NamedTuple):
    """Where a peer works: the base URL of the model, and an empty folder for what it keeps."""

    url: str
    folder: Path


class Peer(Protocol):
    """What is asked of a peer."""

    async def ask(self, question: str, conversation: str) -> str:
        """Have the agent answer, and keep what was said under the conversation's name."""

    async def go_on(self, question: str, conversation: str) -> str | None:
        """Finish a run that another process was killed in. None where there is nothing to go on with."""


Open = Callable[[Place], AbstractAsyncContextManager[Peer]]


def main(open: Open) -> None:
    scenario, url, folder, *given = sys.argv[1:]
    place = Place(url, Path(folder))
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
        answer = await peer.go_on(QUESTION, "killed")
        how = "resumed"
        if answer is None:
            how, answer = "anew", await peer.ask(QUESTION, "killed")
        _check(answer)
        print(f"\n{MARK} {how}", flush=True)


_ONCE: dict[str, Callable[[Open, Place], Coroutine[Any, Any, None]]] = {
    "first": first,
    "begin": begin,
    "go_on": go_on,
}


async def _measured(open: Open, place: Place, scenario: str, arguments: dict[str, int]) -> dict[str, float]:
    import work

    empty = stored(place.folder)
    async with open(place) as peer:

        async def ask(conversation: str) -> None:
            _check(await peer.ask(QUESTION, conversation))

        do: Callable[..., Awaitable[dict[str, float]]] = getattr(work, scenario)
        found = await do(ask, **arguments)
    return found | {"stored": stored(place.folder) - empty}


def stored(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(answer: str) -> None:
    if ANSWER not in answer:
        raise SystemExit(f"a wrong answer: {answer!r}")
