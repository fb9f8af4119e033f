"""A service with one of every kind of file, and its mount."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from perdure.base.clock import ManualClock
from perdure.base.errors import BudgetExceeded, FileUnsupported, InputError
from perdure.namespace.access import ReadOnly
from perdure.namespace.feed import Feed
from perdure.namespace.node import Document, Folder, Graft, json_document
from perdure.namespace.served import Served
from perdure.namespace.tree import MemoryTree


class Sample:
    """`files` holds plain files, `fixed` can only be read, `status` is computed, `trace` a stream of `feed`, `ctl`
    takes `commands`, `ask` answers in capitals, `costly` has no money left."""

    def __init__(self) -> None:
        clock = ManualClock()
        self.files = MemoryTree(clock)
        self.feed = Feed()
        self.commands: list[bytes] = []
        self.asked: list[bytes] = []
        self.service = Served(
            Folder(
                {
                    "files": Graft(self.files),
                    "fixed": Graft(ReadOnly(MemoryTree(clock))),
                    "status": json_document(self._status),
                    "trace": Document(read=self._stream, watch=self.feed.watch),
                    "ctl": Document(write=self._command),
                    "ask": Document(call=self._answer),
                    "costly": Document(write=self._refuse),
                }
            )
        )

    async def _status(self) -> dict[str, str]:
        return {"state": "idle"}

    async def _stream(self) -> bytes:
        raise FileUnsupported("it is a stream, which can be watched")

    async def _command(self, data: bytes) -> None:
        if data.strip() not in (b"start", b"stop"):
            raise InputError("no such command")
        self.commands.append(data)

    async def _answer(self, request: bytes) -> bytes:
        self.asked.append(request)
        if not request.strip():
            raise InputError("nothing was asked")
        return request.upper()

    async def _refuse(self, data: bytes) -> None:
        raise BudgetExceeded("no money left")


def why_not() -> str:
    """Why nothing can be mounted here; "" where it can."""
    if find_spec("mfusepy") is None:
        return "mfusepy is not installed"
    if not Path("/dev/fuse").exists() or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is not here, or not ours to use"
    if os.getuid() != 0 and shutil.which("fusermount3") is None and shutil.which("fusermount") is None:
        return "fusermount is not installed"
    try:
        __import__("mfusepy")
    except OSError:
        return "libfuse is not installed"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if reason and item.path.name == "test_mount.py":
            item.add_marker(pytest.mark.skip(reason=f"a real mount: {reason}"))


@pytest.fixture
def sample() -> Sample:
    return Sample()


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], object]:
    """Runs a script with sh in the folder `mnt`, which is there; gives what it wrote to stdout and stderr."""
    folder = tmp_path / "mnt"
    folder.mkdir()

    async def run(script: str) -> str:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        process = await asyncio.create_subprocess_exec(
            "timeout",
            "20",
            "bash",
            "-c",
            script,
            cwd=folder,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return said.decode()

    return run
