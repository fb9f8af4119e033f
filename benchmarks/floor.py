"""What `throughput` would cost written by hand for this one case: the same calls and fsyncs, and nothing else.

Two posts through pyreqwest, JSON by msgspec, six records a run, one thread that writes all that waits in one SQLite
transaction with `synchronous=FULL`. No engine, no replay, no budgets, no hash chain: a lower bound, measured beside
Perdure so that the two share the machine's good and bad moments.
"""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, TypeAlias

import apsw
import msgspec
import uvloop
from measure import Meter
from project import ANSWER, QUESTION, model_server
from pyreqwest.client import ClientBuilder

Row: TypeAlias = tuple[str, str, bytes]
Item: TypeAlias = tuple["asyncio.Future[None]", Row]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "calculate",
            "description": "Multiply two numbers.",
            "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}},
        },
    }
]


class Journal:
    """One table, one thread, one fsync for all that waits."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = apsw.Connection(str(path))
        self._connection.execute("PRAGMA journal_mode = wal; PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, run TEXT, key TEXT, data BLOB)")
        self._loop = loop
        self._waiting: SimpleQueue[Item] = SimpleQueue()
        Thread(target=self._write, daemon=True).start()

    def append(self, run: str, key: str, value: Any) -> asyncio.Future[None]:
        future = self._loop.create_future()
        self._waiting.put((future, (run, key, msgspec.msgpack.encode(value))))
        return future

    def _write(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get())
            self._connection.execute("BEGIN IMMEDIATE")
            sql = "INSERT INTO records (run, key, data) VALUES (?, ?, ?)"
            self._connection.executemany(sql, [row for _, row in batch])
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_resolve, [future for future, _ in batch])


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


async def measure(url: str, folder: Path, runs: int, at_once: int) -> dict[str, float]:
    journal = Journal(folder / "floor.db", asyncio.get_running_loop())
    async with ClientBuilder().build() as client:

        async def ask(messages: list[Any]) -> Any:
            body = msgspec.json.encode({"model": "bench", "messages": messages, "tools": TOOLS})
            request = client.post(f"{url}/chat/completions").headers({"content-type": "application/json"})
            response = await request.body_bytes(body).build().send()
            return msgspec.json.decode(bytes(await response.bytes()))["choices"][0]["message"]

        async def run(name: str) -> str:
            messages: list[Any] = [{"role": "user", "content": QUESTION}]
            await journal.append(name, "accepted", QUESTION)
            said = await ask(messages)
            await journal.append(name, "model1", said)
            call = said["tool_calls"][0]
            left, _, right = msgspec.json.decode(call["function"]["arguments"])["expression"].partition("*")
            await journal.append(name, "intended", call)
            result = str(int(left) * int(right))
            await journal.append(name, "tool", result)
            messages += [said, {"role": "tool", "tool_call_id": call["id"], "content": result}]
            said = await ask(messages)
            await journal.append(name, "model2", said)
            await journal.append(name, "finished", said["content"])
            return str(said["content"])

        async def worker(number: int, count: int) -> None:
            for turn in range(count):
                assert await run(f"{number}-{turn}") == ANSWER

        async def all_workers(count: int) -> None:
            await asyncio.gather(*(worker(number, count) for number in range(at_once)))

        await all_workers(4)
        each = max(1, runs // at_once)
        meter = Meter()
        await all_workers(each)
        wall, cpu = meter.wall_ms, meter.cpu_ms
    done = each * at_once
    return {"runs": done, "cpu_ms_per_run": cpu / done, "runs_per_s": done / wall * 1000}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8_000)
    parser.add_argument("--at-once", type=int, default=64)
    given = parser.parse_args()
    with model_server() as url, TemporaryDirectory() as folder:
        print(json.dumps(uvloop.run(measure(url, Path(folder), given.runs, given.at_once))))
