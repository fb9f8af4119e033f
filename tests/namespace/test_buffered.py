"""What an open file does that no service can be made to show."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.errors import FileError
from perdure.namespace.buffered import Buffered
from perdure.namespace.port import APPEND, WRITE, How


class Disk:
    """Keeps what it is given, when it is let to; and fails when it is told to."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.free = asyncio.Event()
        self.broken = False

    async def keep(self, data: bytes) -> None:
        await self.free.wait()
        if self.broken:
            raise FileError("the disk is gone")
        self.kept.append(data)


@pytest.mark.parametrize(("how", "kept"), [(WRITE, [b"one", b"onetwo"]), (APPEND, [b"one", b"two"])])
async def test_what_is_written_during_a_flush_is_kept_by_the_next(how: How, kept: list[bytes]) -> None:
    disk = Disk()
    file = Buffered(how, b"", disk.keep)
    await file.write(b"one")
    flushing = asyncio.ensure_future(file.flush())
    await asyncio.sleep(0)
    await file.write(b"two")
    disk.free.set()
    await flushing
    await file.close()
    assert disk.kept == kept


@pytest.mark.parametrize("how", [WRITE, APPEND])
async def test_what_could_not_be_kept_is_tried_again(how: How) -> None:
    disk = Disk()
    disk.free.set()
    disk.broken = True
    file = Buffered(how, b"", disk.keep)
    await file.write(b"one")
    with pytest.raises(FileError):
        await file.flush()
    disk.broken = False
    await file.close()
    assert disk.kept == [b"one"]
