"""Open files: reading in parts, standing somewhere, and being closed."""

from __future__ import annotations

from perdure.base.errors import FileClosed, FileDenied, PerdureError
from perdure.namespace.path import parse
from perdure.namespace.port import CALL, CHANGE, READ, WRITE, FileService

from .samples import get, put, refused


class Handles:
    async def test_a_file_is_read_in_parts_up_to_its_end(self, service: FileService) -> None:
        await put(service, "/a", b"0123456789")
        async with await service.open(parse("/a")) as file:
            assert [await file.read(4), await file.read(4), await file.read(4), await file.read(4)] == [
                b"0123",
                b"4567",
                b"89",
                b"",
            ]
            await file.seek(8)
            assert await file.read() == b"89"
            await file.seek(99)
            assert await file.read() == b""

    async def test_a_part_is_changed_in_place(self, service: FileService) -> None:
        await put(service, "/a", b"0123456789")
        async with await service.open(parse("/a"), CHANGE) as file:
            assert await file.read(2) == b"01"
            await file.write(b"xx")
            assert await file.read(2) == b"45"
            await file.seek(0)
            assert await file.read() == b"01xx456789"
        assert await get(service, "/a") == b"01xx456789"

    async def test_a_call_of_plain_content_replaces_it(self, service: FileService) -> None:
        await put(service, "/a", b"0123456789")
        async with await service.open(parse("/a"), CALL) as file:
            await file.write(b"xx")
            assert await file.read() == b""
        assert await get(service, "/a") == b"xx"

    async def test_what_is_left_out_before_a_write_is_zeros(self, service: FileService) -> None:
        async with await service.open(parse("/a"), WRITE) as file:
            await file.seek(3)
            await file.write(b"x")
        assert await get(service, "/a") == b"\0\0\0x"

    async def test_a_position_before_the_beginning_is_refused(self, service: FileService) -> None:
        await put(service, "/a", b"x")
        async with await service.open(parse("/a")) as file:
            await refused(PerdureError, file.seek(-1))

    async def test_a_file_does_only_what_it_was_opened_for(self, service: FileService) -> None:
        await put(service, "/a", b"x")
        async with await service.open(parse("/a"), READ) as file:
            await refused(FileDenied, file.write(b"y"))
        async with await service.open(parse("/a"), WRITE) as file:
            await refused(FileDenied, file.read())
            await file.write(b"y")
        assert await get(service, "/a") == b"y"

    async def test_a_closed_file_does_nothing_more(self, service: FileService) -> None:
        file = await service.open(parse("/a"), WRITE)
        await file.write(b"x")
        await file.close()
        await file.close()
        await refused(FileClosed, file.write(b"y"))
        await refused(FileClosed, file.flush())
        await refused(FileClosed, file.seek(0))
        file = await service.open(parse("/a"))
        await file.close()
        await refused(FileClosed, file.read())
        assert await get(service, "/a") == b"x"
