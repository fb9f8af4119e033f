"""Disks that are too small or may not be written, and other processes on the same file."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

LIMIT = 512 * 1024
PRELUDE = """
import asyncio, os, sys
from perdure.kernel.records import Record
from perdure.kernel.store.ops import *
from perdure.kernel.store.rows import *
from perdure.kernel.store.sqlite import SqliteStore

path, name = sys.argv[1:3]

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def append(agent_id, key):
    return Append(agent_id, (Record(agent_id, "r", key, "effect.done", 1, b"x" * 200),))
"""


class Process:
    """A Python process that runs `script` after PRELUDE, and tells in lines what it did."""

    def __init__(self, script: str, path: Path, name: str) -> None:
        code = PRELUDE + textwrap.dedent(script)
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, path, name], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )

    def hear(self) -> str:
        """The next line, "" at the end."""
        assert self._process.stdout
        return self._process.stdout.readline().rstrip("\n")

    def hear_all(self) -> list[str]:
        assert self._process.stdout
        return self._process.stdout.read().splitlines()

    def tell(self) -> None:
        """Let it go on where it waits in `sys.stdin.readline()`."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def end(self) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait(30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start a Process on the file `tmp_path / store.db`."""
    processes: list[Process] = []

    def start(script: str, name: str = "child") -> Process:
        processes.append(Process(script, tmp_path / "store.db", name))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.end()


@contextmanager
def _mounted(options: str) -> Iterator[Path]:
    """A disk of its own, outside of pytest's folders, which are removed while something of it may still be open."""
    folder = tempfile.mkdtemp()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        os.rmdir(folder)
        pytest.skip("only root can mount a disk")
    try:
        yield Path(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        os.rmdir(folder)


class MountedDisk:
    """Half a megabyte on a disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        with suppress(OSError):
            (self.folder / "filler").write_bytes(b"x" * 2 * LIMIT)

    def enlarge(self) -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(self.folder)], check=True)


class LimitedFiles:
    """Files that may not grow over half a megabyte, for the process as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._limit(LIMIT)

    def _limit(self, size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._limits[1]))

    def fill(self) -> None:
        self._limit(4_096)

    def enlarge(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)


@pytest.fixture(params=["disk", "limit"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MountedDisk | LimitedFiles]:
    if request.param == "disk":
        with _mounted(f"size={LIMIT}") as folder:
            yield MountedDisk(folder)
        return
    files = LimitedFiles(tmp_path)
    try:
        yield files
    finally:
        files.enlarge()


class Freezable:
    """A folder that can be written until `freeze` is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def freeze(self) -> None:
        if os.geteuid() == 0:
            subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)
            return
        for file in self.folder.iterdir():
            file.chmod(0o444)
        self.folder.chmod(0o555)


@pytest.fixture
def freezable(tmp_path: Path) -> Iterator[Freezable]:
    if os.geteuid() == 0:
        with _mounted("size=16m") as folder:
            yield Freezable(folder)
        return
    yield Freezable(tmp_path)
    tmp_path.chmod(0o755)
