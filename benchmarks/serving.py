"""`perdure serve` under load: durable runs per second through `POST /invoke`, how long a receipt takes when 1,000
clients ask at once, what its idle memory is, and what a stream costs that 500 clients watch.

The server, the model server and the clients are three processes that share the machine. A client is one kept
connection, a receipt (`async: true`) is on disk when it comes, and the latency of one counts from the moment that all
1,000 requests are sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import uvloop
from measure import pace_ms, quantile
from project import ANSWER, QUESTION, model_server, project

COMMAND = (sys.executable, "-c", "from perdure.cli.main import main; main()", "serve", "--port", "0")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Server(subprocess.Popen[str]):
    """The server in a process of its own, ready when this is made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(COMMAND, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.stderr is not None
        self.port = int(self.stderr.readline().rpartition(":")[2])
        self.token = (folder / ".perdure" / "token").read_text().strip()

    def request(self, method: str, path: str, body: object = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        return (head + kind).encode() + content

    @property
    def rss_mb(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE / 2**20

    @property
    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    process = Server(folder)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await self._reader.readexactly(length)

    async def hear(self, request: bytes, last: bytes) -> int:
        """The bytes of a stream to the event `last`."""
        self._writer.write(request)
        heard = await self._reader.readuntil(last)
        return len(heard)

    def close(self) -> None:
        self._writer.close()


async def invoke(found: Server, runs: int, clients: int) -> dict[str, float]:
    """Runs whose answer is waited for, by so many clients at once."""
    request = found.request("POST", "/invoke", {"spec": "calc", "input": QUESTION})

    async def client(count: int) -> None:
        connection = await Connection.open(found.port)
        for _ in range(count):
            status, content = await connection.ask(request)
            assert status == 200 and json.loads(content)["output"] == ANSWER, content
        connection.close()

    await asyncio.gather(*(client(4) for _ in range(clients)))
    each = max(1, runs // clients)
    began, cpu = perf_counter(), found.cpu_s
    await asyncio.gather(*(client(each) for _ in range(clients)))
    took, done = perf_counter() - began, each * clients
    return {"invokes_per_s": done / took, "server_cpu_ms_per_invoke": (found.cpu_s - cpu) / done * 1000}


async def accept(found: Server, clients: int) -> dict[str, float]:
    """Receipts for so many clients that ask at the same moment, and the answers to all of them."""
    request = found.request("POST", "/invoke", {"spec": "calc", "input": QUESTION, "async": True})
    connections = [await Connection.open(found.port) for _ in range(clients)]
    began = perf_counter()

    async def client(connection: Connection) -> float:
        status, _ = await connection.ask(request)
        assert status == 202
        return (perf_counter() - began) * 1000

    took = await asyncio.gather(*map(client, connections))
    waiting = found.request("GET", "/runs?status=running&status=queued&limit=1")
    while json.loads((await connections[0].ask(waiting))[1])["items"]:
        await asyncio.sleep(0.05)
    for connection in connections:
        connection.close()
    return {"accept_p50_ms": quantile(took, 0.5), "accept_p95_ms": quantile(took, 0.95)}


async def watch(found: Server, watchers: int) -> dict[str, float]:
    """A run that has ended, told to so many watchers at once: events per second, all together."""
    connection = await Connection.open(found.port)
    _, content = await connection.ask(found.request("POST", "/invoke", {"spec": "calc", "input": QUESTION}))
    request = found.request("GET", f"/runs/{json.loads(content)['run_id']}/events")
    connections = [await Connection.open(found.port) for _ in range(watchers)]
    began = perf_counter()
    await asyncio.gather(*(one.hear(request, b"event: result") for one in connections))
    took = perf_counter() - began
    for one in (connection, *connections):
        one.close()
    return {"watchers_served_ms": took * 1000}


async def measure(found: Server, runs: int, clients: int) -> dict[str, float]:
    connection = await Connection.open(found.port)
    await connection.ask(found.request("GET", "/readyz"))
    idle = {"idle_rss_mb": found.rss_mb}
    await connection.ask(
        found.request("POST", "/invoke", {"spec": "calc", "input": QUESTION})
    )  # loads the code of runs
    connection.close()
    loaded = await accept(found, 1_000) | await invoke(found, runs, clients) | await watch(found, 500)
    return idle | loaded | {"loaded_rss_mb": found.rss_mb, "pace_ms": pace_ms()}


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=8_000)
    parser.add_argument("--at-once", type=int, default=64)
    given = parser.parse_args()
    with model_server() as url, project(url) as folder:
        (folder / "agents").mkdir()
        (folder / "calc.yaml").rename(folder / "agents" / "calc.yaml")
        (folder / "tools.py").rename(folder / "agents" / "tools.py")
        with server(folder) as process:
            print(json.dumps(uvloop.run(measure(process, given.runs, given.at_once))))
