"""Directories: made, listed, removed."""

from __future__ import annotations

from perdure.base.errors import (
    DirectoryNotEmpty,
    FileExists,
    NoSuchFile,
    NotADirectory,
    PerdureError,
)
from perdure.namespace.path import parse
from perdure.namespace.port import WRITE, FileService

from .samples import get, names, put, refused


class Directories:
    async def test_an_empty_service_is_an_empty_directory(self, service: FileService) -> None:
        assert (await service.stat(())).is_dir
        assert await service.list(()) == []

    async def test_a_directory_lists_its_own_names_in_order(self, service: FileService) -> None:
        for path in ("/d", "/d/inner", "/dd"):
            await service.mkdir(parse(path))
        for path in ("/d/b", "/d/a", "/d/inner/deep", "/dd/other", "/c"):
            await put(service, path, b"12345")
        assert await names(service) == ["c", "d", "dd"]
        listed = {one.name: one for one in await service.list(parse("/d"))}
        assert list(listed) == ["a", "b", "inner"]
        assert [one.is_dir for one in listed.values()] == [False, False, True]
        assert listed["a"].size in (5, None)
        assert await get(service, "/d/inner/deep") == b"12345"
        assert (await service.stat(parse("/d"))).is_dir

    async def test_what_is_not_there_is_not_found(self, service: FileService) -> None:
        await service.mkdir(parse("/d"))
        for path in ("/no", "/no/deeper", "/d/no", "/d/no/deeper"):
            await refused(NoSuchFile, service.open(parse(path)))
            await refused(NoSuchFile, service.list(parse(path)))
            await refused(NoSuchFile, service.stat(parse(path)))
            await refused(NoSuchFile, service.remove(parse(path)))
            await refused(NoSuchFile, service.rename(parse(path), parse(f"{path}2")))
        await refused(NoSuchFile, service.open(parse("/no/file"), WRITE))
        await refused(NoSuchFile, service.mkdir(parse("/no/deeper")))

    async def test_a_file_is_not_listed(self, service: FileService) -> None:
        await put(service, "/a", b"x")
        await refused(NotADirectory, service.list(parse("/a")))
        await refused(NotADirectory, service.list(parse("/a/b")))
        await refused(NotADirectory, service.mkdir(parse("/a/b")))

    async def test_a_name_is_taken_once(self, service: FileService) -> None:
        await put(service, "/a", b"x")
        await service.mkdir(parse("/d"))
        await refused(FileExists, service.mkdir(parse("/a")))
        await refused(FileExists, service.mkdir(parse("/d")))
        await refused(FileExists, service.mkdir(()))
        assert await get(service, "/a") == b"x"

    async def test_only_an_empty_directory_is_removed(self, service: FileService) -> None:
        await service.mkdir(parse("/d"))
        await put(service, "/d/a", b"x")
        await refused(DirectoryNotEmpty, service.remove(parse("/d")))
        await service.remove(parse("/d/a"))
        assert await names(service, "/d") == []
        await service.remove(parse("/d"))
        assert await names(service) == []
        await refused(NoSuchFile, service.stat(parse("/d")))

    async def test_the_root_stays(self, service: FileService) -> None:
        await refused(PerdureError, service.remove(()))
        await refused(PerdureError, service.rename((), parse("/a")))
        assert (await service.stat(())).is_dir

    async def test_a_name_is_compared_as_a_whole(self, service: FileService) -> None:
        await service.mkdir(parse("/wallet"))
        await put(service, "/wallet/balance", b"1")
        await service.mkdir(parse("/walletx"))
        assert await names(service, "/walletx") == []
        await refused(NoSuchFile, service.open(parse("/walletx/balance")))
        await refused(NoSuchFile, service.open(parse("/Wallet/balance")))
        await refused(NoSuchFile, service.open(parse("/wallet/Balance")))
