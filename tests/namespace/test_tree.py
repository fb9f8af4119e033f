"""The tree in memory, by the suite that every file service passes."""

from __future__ import annotations

import pytest

from perdure.base.errors import FileTooLarge
from perdure.namespace.port import APPEND, WRITE
from perdure.namespace.tree import MemoryTree
from perdure.testing import ManualClock
from perdure.testing.file_suite import FileContract


class TestMemoryTree(FileContract):
    @pytest.fixture
    def service(self) -> MemoryTree:
        return MemoryTree(ManualClock())


async def test_times_are_those_of_the_clock() -> None:
    clock = ManualClock(1_000)
    tree = MemoryTree(clock)
    async with await tree.open(("a",), WRITE) as file:
        await file.write(b"x")
    await clock.advance(500)
    async with await tree.open(("a",), APPEND) as file:
        await file.write(b"y")
    about = await tree.stat(("a",))
    assert (about.created_at, about.modified_at, about.size) == (1_000, 1_500, 2)


async def test_a_file_has_a_largest_size() -> None:
    tree = MemoryTree(ManualClock(), max_bytes=10)
    async with await tree.open(("a",), WRITE) as file:
        await file.write(b"x" * 10)
        with pytest.raises(FileTooLarge):
            await file.write(b"y")
        await file.seek(10**15)
        with pytest.raises(FileTooLarge):
            await file.write(b"y")
    async with await tree.open(("a",), APPEND) as file:
        with pytest.raises(FileTooLarge):
            await file.write(b"y")
    assert (await tree.stat(("a",))).size == 10
