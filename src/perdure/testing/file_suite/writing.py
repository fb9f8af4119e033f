"""Writing: as a whole or not at all, created, truncated, appended to."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.errors import FileExists, IsADirectory, NoSuchFile, NotADirectory, PerdureError
from perdure.namespace.path import parse
from perdure.namespace.port import APPEND, CALL, CHANGE, CREATE, READ, WRITE, FileService, How

from .samples import get, names, put, refused


class Writing:
    @pytest.mark.parametrize("name", ["a", "with space", "ä-ö.txt", "日本語", "...x", "x" * 200, "-", "a:b"])
    async def test_what_was_written_is_read(self, service: FileService, name: str) -> None:
        await put(service, f"/{name}", b"first")
        assert await get(service, f"/{name}") == b"first"
        assert await names(service) == [name]
        about = await service.stat((name,))
        assert not about.is_dir and about.readable and about.writable
        assert about.size in (5, None)
        await put(service, f"/{name}", b"2nd")
        assert await get(service, f"/{name}") == b"2nd"

    @pytest.mark.parametrize("size", [0, 1, 70_000, 1_500_000])
    async def test_content_of_any_size_and_any_bytes(self, service: FileService, size: int) -> None:
        data = (bytes(range(256)) * (size // 256 + 1))[:size]
        await put(service, "/a", data)
        assert await get(service, "/a") == data

    async def test_nothing_is_seen_before_a_flush(self, service: FileService) -> None:
        await put(service, "/a", b"old")
        async with await service.open(parse("/a"), WRITE) as file:
            await file.write(b"ne")
            assert await get(service, "/a") == b"old"
            await file.write(b"w")
            await file.flush()
            assert await get(service, "/a") == b"new"
            await file.write(b"er")
            assert await get(service, "/a") == b"new"
        assert await get(service, "/a") == b"newer"

    async def test_who_reads_meanwhile_reads_what_was_there(self, service: FileService) -> None:
        await put(service, "/a", b"old content")
        async with await service.open(parse("/a")) as reader:
            start = await reader.read(3)
            await put(service, "/a", b"new")
            assert start + await reader.read() == b"old content"

    async def test_an_error_or_a_change_of_mind_leaves_all_as_it_was(self, service: FileService) -> None:
        await put(service, "/a", b"old")
        for path in ("/a", "/b"):
            file = await service.open(parse(path), WRITE)
            await file.write(b"new")
            await file.discard()
            with pytest.raises(RuntimeError, match="in the middle"):
                async with await service.open(parse(path), WRITE) as file:
                    await file.write(b"new")
                    raise RuntimeError("in the middle")
        assert await get(service, "/a") == b"old"
        assert await names(service) == ["a"]

    async def test_opening_to_write_begins_with_nothing(self, service: FileService) -> None:
        await put(service, "/a", b"something long")
        async with await service.open(parse("/a"), WRITE):
            pass
        async with await service.open(parse("/b"), WRITE):
            pass
        assert [await get(service, "/a"), await get(service, "/b")] == [b"", b""]

    async def test_a_missing_file_is_created_only_on_demand(self, service: FileService) -> None:
        for how in (READ, CHANGE, CALL, How(write=True), How(write=True, truncate=True), How(write=True, append=True)):
            await refused(NoSuchFile, service.open(parse("/a"), how))
        assert await names(service) == []

    async def test_exclusive_creation_succeeds_once(self, service: FileService) -> None:
        await put(service, "/a", b"first", CREATE)
        await refused(FileExists, service.open(parse("/a"), CREATE))
        one, two = await service.open(parse("/b"), CREATE), await service.open(parse("/b"), CREATE)
        await one.write(b"one")
        await two.write(b"two")
        results = await asyncio.gather(one.close(), two.close(), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["FileExists", "NoneType"]
        assert await get(service, "/b") == (b"one" if results[0] is None else b"two")

    async def test_what_is_appended_stands_behind_the_rest(self, service: FileService) -> None:
        await put(service, "/log", b"one\n", APPEND)
        await put(service, "/log", b"two\n", APPEND)
        async with await service.open(parse("/log"), APPEND) as file:
            await file.write(b"thr")
            await file.write(b"ee\n")
            await file.flush()
            await file.write(b"four\n")
        assert await get(service, "/log") == b"one\ntwo\nthree\nfour\n"

    async def test_appending_loses_nothing_of_others(self, service: FileService) -> None:
        await put(service, "/log", b"")
        lines = [f"line {number}\n".encode() for number in range(20)]
        files = [await service.open(parse("/log"), APPEND) for _ in lines]
        for file, line in zip(files, lines, strict=True):
            await file.write(line)
        await asyncio.gather(*(file.close() for file in files))
        assert sorted((await get(service, "/log")).splitlines(keepends=True)) == sorted(lines)

    async def test_of_two_writers_one_is_last_and_whole(self, service: FileService) -> None:
        contents = [bytes([letter]) * 50_000 for letter in b"abcdef"]
        await asyncio.gather(*(put(service, "/a", content) for content in contents))
        assert await get(service, "/a") in contents

    async def test_a_file_has_nothing_below_it(self, service: FileService) -> None:
        await put(service, "/a", b"x")
        for path in ("/a/b", "/a/b/c"):
            await refused(NotADirectory, service.open(parse(path), WRITE))
            await refused(NotADirectory, service.open(parse(path)))
            await refused(NotADirectory, service.stat(parse(path)))

    async def test_a_directory_is_not_opened(self, service: FileService) -> None:
        await service.mkdir(parse("/d"))
        for path in ("/", "/d"):
            for how in (READ, WRITE, APPEND, CHANGE):
                await refused(IsADirectory, service.open(parse(path), how))
            await refused(PerdureError, service.open(parse(path), CREATE))
