"""Async tests run on a loop of their own, without a plugin; and a server in a process of its own, for who asks it."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[1] / "src"
ENTRY = "from perdure.cli.main import main; main()"


async def ask(port: int, folder: Path, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
    """What the server of the project in `folder` answers, on a connection of its own."""
    token = (folder / ".perdure" / "token").read_text().strip()
    content = b"" if body is None else json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
        head += f"idempotency-key: {key}\r\n" if key else ""
        kind = "content-type: application/json\r\nconnection: close\r\n"
        writer.write(f"{head}{kind}content-length: {len(content)}\r\n\r\n".encode() + content)
        found, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        return int(found.split(b" ")[1]), json.loads(answer)
    finally:
        writer.close()


class Server:
    """`perdure serve` in a process of its own, which has begun to listen."""

    def __init__(self, folder: Path, *words: str, environment: Mapping[str, str] = os.environ) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENTRY, "serve", *words],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(SOURCE)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        assert line.startswith("Serving "), line + self._process.stderr.read()
        self.port = int(line.split()[-1].rpartition(":")[2])

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        return await ask(self.port, self.folder, method, path, body, key)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        """How it ended."""
        await asyncio.to_thread(self._process.communicate)
        return self._process.returncode

    def close(self) -> str:
        """Kill it where it still is there. Gives what it said of itself."""
        if self._process.poll() is None:
            self._process.kill()
        return self._process.communicate()[1]


@pytest.fixture(name="ask", scope="session")
def _ask() -> Any:
    return ask


@pytest.fixture(scope="session")
def serve() -> type[Server]:
    """Makes servers: `serve(folder, "--port", "0")`."""
    return Server


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in wanted}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 120))
    return True
