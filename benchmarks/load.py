"""What many clients ask of a server at once, and how it does.

The clients are one process, the server another, and both share the machine with the model server. A client is one kept
connection; the time of one counts from the moment that all of them have asked.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from time import perf_counter

from connection import Answer, Connection, Watcher, connections
from measure import pace_ms, quantile
from pacing import delays_ms
from project import ANSWER
from served import Served

_RUN = re.compile(rb'"run_id":\s*"([^"]+)"')
_EVENT = re.compile(rb"^data:", re.MULTILINE)
PATIENCE_S = 120


async def measure(served: Served, runs: int, clients: int, crowd: int, watchers: int) -> dict[str, float]:
    """All that this server can be asked: `runs` by so many `clients`, receipts for a `crowd`, streams for the
    `watchers`."""
    found = {"idle_rss_mb": served.rss_mb}
    await invoke(served, clients, clients)  # loads the code of runs
    found |= await accept(served, crowd)
    found |= await invoke(served, runs, clients)
    found |= await streams(served, watchers)
    if "watch" in served:
        found |= await watch(served, watchers)
    if "begin_pace" in served:
        found |= await follow(served, watchers)
    return found | {"loaded_rss_mb": served.rss_mb, "pace_ms": pace_ms()}


async def invoke(served: Served, runs: int, clients: int) -> dict[str, float]:
    """Runs whose answer is waited for."""
    request = served.request("invoke")

    async def client(connection: Connection, count: int) -> None:
        for _ in range(count):
            _check(await connection.ask(request))

    async with connections(served.port, clients) as all_:
        await asyncio.gather(*(client(one, 4) for one in all_))  # code paths and caches are warm
        each = max(1, runs // clients)
        began, cpu = perf_counter(), served.cpu_s
        await asyncio.gather(*(client(one, each) for one in all_))
        took, done = perf_counter() - began, each * clients
    return {"invokes_per_s": done / took, "server_cpu_ms_per_invoke": (served.cpu_s - cpu) / done * 1000}


async def accept(served: Served, clients: int) -> dict[str, float]:
    """Receipts, and then the answers to all of them; the answers themselves where a server gives no receipts."""
    receipts = "accept" in served
    request = served.request("accept" if receipts else "invoke")
    answers: list[Answer] = []
    async with connections(served.port, clients) as all_:
        began = perf_counter()

        async def client(connection: Connection) -> float:
            answer = await connection.ask(request)
            took = (perf_counter() - began) * 1000
            _check(answer, 202 if receipts else 200)
            answers.append(answer)
            return took

        took = await asyncio.gather(*map(client, all_))
        if receipts:
            await _all_answered(served, answers)
        all_ms = (perf_counter() - began) * 1000
    return {"accept_p50_ms": quantile(took, 0.5), "accept_p95_ms": quantile(took, 0.95), "accepted_done_ms": all_ms}


async def streams(served: Served, clients: int) -> dict[str, float]:
    """Runs heard as they go on, each by its own client."""
    return await _heard(served, "streams", clients, served.request("stream"))


async def watch(served: Served, watchers: int) -> dict[str, float]:
    """One run that has ended, told to so many."""
    async with connections(served.port, 1) as (connection,):
        begun = await connection.ask(served.request("begin"))
    _check(begun)
    run_id = _run_in(begun.content)
    if run_id is None:
        raise ValueError(f"no run in {begun.content[:500]!r}")
    return await _heard(served, "watchers", watchers, served.request("watch", run_id=run_id))


async def follow(served: Served, watchers: int) -> dict[str, float]:
    """One run that goes on, word by word, followed by so many: how late each word is at each of them, what the server
    spends on telling it, and how much memory it comes to hold."""
    before = served.rss_mb
    first = await Watcher.open(served.port, served.request("begin_pace"))
    while (run_id := _run_in(first.content)) is None:
        await asyncio.sleep(0.001)
    request = served.request("watch", run_id=run_id)
    all_ = [first, *(await asyncio.gather(*(Watcher.open(served.port, request) for _ in range(watchers))))]
    cpu, most, ended = served.cpu_s, 0.0, asyncio.gather(*(watcher.whole() for watcher in all_))
    while not ended.done():
        most = max(most, served.rss_mb)
        await asyncio.sleep(0.05)
    told = sum(_events(stream) for stream in await ended)
    spent = served.cpu_s - cpu
    late = [delay for watcher in all_[1:] for delay in delays_ms(watcher.pieces)]
    return {
        "follow_p50_ms": quantile(late, 0.5),
        "follow_p99_ms": quantile(late, 0.99),
        "follow_cpu_us_per_event": spent / told * 1e6,
        "follow_events": told,
        "follow_gained_mb": most - before,
    }


async def _heard(served: Served, name: str, clients: int, request: bytes) -> dict[str, float]:
    async with connections(served.port, clients) as all_:
        began, cpu = perf_counter(), served.cpu_s
        heard = await asyncio.gather(*(one.ask(request) for one in all_))
        took, spent = perf_counter() - began, served.cpu_s - cpu
    for answer in heard:
        _check(answer)
    told = sum(_events(answer.content) for answer in heard)
    return {f"{name}_ms": took * 1000, f"{name}_events_per_s": told / took, f"{name}_cpu_ms": spent / clients * 1000}


async def _all_answered(served: Served, receipts: Sequence[Answer]) -> None:
    # On a connection of its own: those of the clients have been idle, and a server closes what is.
    async with connections(served.port, 1) as (connection,):
        for receipt in receipts:
            fields = {key: str(value) for key, value in json.loads(receipt.content).items()}
            await _answered(connection, served.request("result", **fields))


async def _answered(connection: Connection, request: bytes) -> None:
    until = perf_counter() + PATIENCE_S
    while ANSWER.encode() not in (answer := await connection.ask(request)).content:
        if perf_counter() > until:
            raise TimeoutError(f"accepted and not answered within {PATIENCE_S} s: {answer}")
        await asyncio.sleep(0.05)


def _check(answer: Answer, status: int = 200) -> None:
    if answer.status != status or (status == 200 and ANSWER.encode() not in answer.content):
        raise ValueError(f"a wrong answer: {answer.status} {answer.content[:500]!r}")


def _run_in(content: bytes) -> str | None:
    found = _RUN.search(content)
    return found[1].decode() if found else None


def _events(stream: bytes) -> int:
    return len(_EVENT.findall(stream))
