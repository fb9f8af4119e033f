"""Moving: to another name, and into another directory."""

from __future__ import annotations

from perdure.base.errors import FileError, FileExists, NoSuchFile
from perdure.namespace.path import parse
from perdure.namespace.port import FileService

from .samples import get, names, put, refused


class Renaming:
    async def test_a_file_gets_another_name(self, service: FileService) -> None:
        await put(service, "/a", b"content")
        await service.rename(parse("/a"), parse("/b"))
        assert await names(service) == ["b"]
        assert await get(service, "/b") == b"content"
        await refused(NoSuchFile, service.open(parse("/a")))
        await service.rename(parse("/b"), parse("/b"))
        assert await get(service, "/b") == b"content"

    async def test_a_file_takes_the_place_of_a_file(self, service: FileService) -> None:
        await put(service, "/a", b"new")
        await put(service, "/b", b"old")
        await service.rename(parse("/a"), parse("/b"))
        assert await names(service) == ["b"]
        assert await get(service, "/b") == b"new"

    async def test_a_directory_keeps_what_is_in_it(self, service: FileService) -> None:
        await service.mkdir(parse("/d"))
        await put(service, "/d/a", b"content")
        await service.rename(parse("/d"), parse("/e"))
        assert await names(service) == ["e"]
        assert await get(service, "/e/a") == b"content"

    async def test_nothing_takes_the_place_of_a_directory(self, service: FileService) -> None:
        await service.mkdir(parse("/d"))
        await service.mkdir(parse("/e"))
        await put(service, "/a", b"content")
        await refused(FileExists, service.rename(parse("/a"), parse("/d")))
        await refused(FileExists, service.rename(parse("/d"), parse("/a")))
        await refused(FileExists, service.rename(parse("/d"), parse("/e")))
        assert await names(service) == ["a", "d", "e"]
        assert await get(service, "/a") == b"content"


class Moving:
    async def test_a_move_to_another_directory(self, service: FileService) -> None:
        for path in ("/d", "/e", "/e/inner"):
            await service.mkdir(parse(path))
        await put(service, "/a", b"content")
        await service.rename(parse("/a"), parse("/d/b"))
        await service.rename(parse("/d"), parse("/e/inner/d"))
        assert await get(service, "/e/inner/d/b") == b"content"
        assert await names(service) == ["e"]
        await refused(NoSuchFile, service.rename(parse("/e/inner/d/b"), parse("/no/b")))
        assert await get(service, "/e/inner/d/b") == b"content"

    async def test_a_directory_does_not_move_into_itself_or_another_below(self, service: FileService) -> None:
        await service.mkdir(parse("/d"))
        await service.mkdir(parse("/d/inner"))
        await refused(FileError, service.rename(parse("/d"), parse("/d/e")))
        await refused(FileError, service.rename(parse("/d"), parse("/d/inner/e")))
        assert await names(service, "/d") == ["inner"]
