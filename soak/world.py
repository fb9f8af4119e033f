"""What a soak runs in: a project, a disk of its own where that can be had, and processes that can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from slow_disk import SlowDisk

import client

HERE = Path(__file__).parent
EFFECT_SERVER = HERE.parent / "tests" / "stories" / "effect_server.py"
START_S = 60
GRACE_S = 60
TOLD_LINES = 60
"""Lines that are kept of what a server says from a defect on."""
SETTINGS = """\
[providers.compatible]
base_url = "{url}"
[budget]
per_month = 1000000
[lifecycle.shutdown]
grace_period = "5s"
"""


class Server:
    """One of the servers on the project, on the same port every time. `faults` are what it should not have said or
    done; with a `clock`, the file of `drifting.py`, its clock can be turned."""

    def __init__(self, project: Path, environment: dict[str, str], clock: Path | None) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port: int = found.getsockname()[1]
        self.said: deque[str] = deque(maxlen=200)
        self.faults: list[str] = []
        self._project = project
        self._environment = environment
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._is_ending = False

    @property
    def pid(self) -> int:
        """0 while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    @property
    def token(self) -> str:
        return (self._project / ".perdure" / "token").read_text().strip()

    async def start(self) -> None:
        """Start it, again where it does not come up: the disk may be full."""
        until = time.monotonic() + START_S
        while not await self._started():
            if time.monotonic() > until:
                raise RuntimeError("a server does not start:\n" + "\n".join(self.said))
            await asyncio.sleep(0.2)

    async def _started(self) -> bool:
        serve = ("-c", "from perdure.cli.main import main; main()", "serve", "--port", str(self.port))
        if self._clock is not None:
            serve = (str(HERE / "drifting.py"), str(self._project), str(self.port), str(self._clock))
        self._is_ending = False
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *serve,
            cwd=self._project,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        up = asyncio.Event()
        self._hearing = asyncio.create_task(self._hear(self._process, up))
        await up.wait()
        return self.pid != 0

    async def _hear(self, process: asyncio.subprocess.Process, up: asyncio.Event) -> None:
        assert process.stderr is not None
        is_up = False
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            self.said.append(text)
            if text.startswith("Serving "):
                is_up = True
                up.set()
            if "Traceback" in text:
                self.faults.append(text)
            elif self.faults and self.faults[-1].count("\n") < TOLD_LINES:
                self.faults[-1] += f"\n{text}"
        code = await process.wait()
        if is_up and not self._is_ending:
            self.faults.append(f"it ended by itself with {code}: " + " / ".join(list(self.said)[-5:]))
        up.set()

    def signal(self, number: signal.Signals) -> None:
        if self.pid:
            os.kill(self.pid, number)

    async def kill(self) -> None:
        self._is_ending = True
        self.signal(signal.SIGKILL)
        await self._ended()

    async def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self._is_ending = True
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._ended()), GRACE_S)
        except TimeoutError:
            self.faults.append(f"it does not stop within {GRACE_S} s")
            await self.kill()
        else:
            if self._process is not None and self._process.returncode != 0:
                self.faults.append(f"asked to stop it ended with {self._process.returncode}")

    async def _ended(self) -> None:
        if self._process is not None and self._hearing is not None:
            await self._process.wait()
            await self._hearing

    @contextmanager
    def small_files(self, size: int) -> Iterator[None]:
        """While this is entered its files cannot grow beyond `size` bytes."""
        pid = self.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)) if pid else None
        try:
            yield
        finally:
            if before is not None and pid == self.pid:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> client.Answer:
        return await client.ask(self.port, self.token, method, path, body, **more)


class Disk:
    """Where the project's state is: a file system of `size` MB in a file, where root may mount one, else the folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self._image = folder.with_suffix(".img")
        folder.mkdir()
        self.is_own = os.geteuid() == 0 and self._mounted(size)

    def _mounted(self, size: int) -> bool:
        with self._image.open("wb") as image:
            image.truncate(size << 20)
        make = ["mkfs.ext4", "-q", str(self._image)], ["mount", "-o", "loop", str(self._image), str(self.folder)]
        try:
            return all(subprocess.run(one, capture_output=True, timeout=60).returncode == 0 for one in make)
        except OSError:
            return False

    @contextmanager
    def full(self) -> Iterator[None]:
        """While this is entered there is no byte left on it."""
        ballast = self.folder / "ballast"
        try:
            with ballast.open("wb") as file:
                size = 0
                for block in (1 << 28, 1 << 20, 1 << 12, 1):
                    while _fits(file.fileno(), size, block):
                        size += block
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def close(self) -> None:
        if self.is_own:
            subprocess.run(["umount", str(self.folder)], check=False, timeout=60)


def _fits(descriptor: int, offset: int, size: int) -> bool:
    """Set so many bytes more aside, without writing them."""
    try:
        os.posix_fallocate(descriptor, offset, size)
    except OSError:
        return False
    return True


class Outside:
    """Processes beside the servers, asked over a line of JSON or HTTP: they count what happened, and what it cost."""

    def __init__(self, effects: Path, model_url: str) -> None:
        self._effects = str(effects)
        self._model = int(model_url.rpartition(":")[2].partition("/")[0])

    async def effects(self, do: str) -> Any:
        reader, writer = await asyncio.open_unix_connection(self._effects, limit=2**30)
        try:
            writer.write(json.dumps({"do": do}).encode() + b"\n")
            return json.loads(await reader.readline())
        finally:
            writer.close()

    async def model(self, path: str) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._model, limit=2**30)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return json.loads(await reader.readexactly(length))
        finally:
            writer.close()


class World:
    """All of it; what is done outside and what it costs is asked of `outside`."""

    def __init__(
        self, scratch: Path, servers: list[Server], disk: Disk, slow: SlowDisk, outside: Outside, clock: Path
    ) -> None:
        self.scratch = scratch
        self.slow_disk = slow
        self.servers = servers
        self.disk = disk
        self.outside = outside
        self._clock = clock

    @property
    def database(self) -> Path:
        return self.disk.folder / "perdure.db"

    def turn_clocks(self, ms: int) -> None:
        """Move the clocks of all servers, also of those that begin later, as the machine's own would be."""
        self._clock.write_text(str(int(self._clock.read_text()) + ms))
        for server in self.servers:
            server.signal(signal.SIGUSR1)

    async def start(self) -> None:
        await asyncio.gather(*(server.start() for server in self.servers if not server.pid))

    async def stop(self) -> None:
        await asyncio.gather(*(server.stop() for server in self.servers))


@asynccontextmanager
async def world(scratch: Path, *, seed: int, disk_mb: int, clocks: bool) -> AsyncIterator[World]:
    """Two servers on one file; with `clocks` their clocks can be turned, else both are plain `perdure serve`."""
    project, clock, effects = scratch / "project", scratch / "clock", scratch / "effects.sock"
    project.mkdir()
    clock.write_text("0")
    for name in ("agents", "flows"):
        shutil.copytree(HERE / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    disk, slow = Disk(project / ".perdure", disk_mb), SlowDisk(scratch)
    beside = [_beside(EFFECT_SERVER, str(effects)), _beside(HERE / "model_server.py", str(seed))]
    servers: list[Server] = []
    try:
        assert (beside[0].stdout or sys.stdin).readline() == "ready\n"
        url = f"http://127.0.0.1:{int((beside[1].stdout or sys.stdin).readline())}/v1"
        (project / "perdure.toml").write_text(SETTINGS.format(url=url))
        environment = {**os.environ, "EFFECTS": str(effects), **slow.environment}
        servers += [Server(project, environment, clock if clocks else None) for _ in range(2)]
        yield World(scratch, servers, disk, slow, Outside(effects, url), clock)
    finally:
        for server in servers:
            await server.kill()
        for process in beside:
            process.kill()
            process.communicate()
        disk.close()


def _beside(script: Path, argument: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script), argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
