"""Services written as trees of nodes: content, requests, folders that are looked up when used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import pytest

from perdure.base.errors import (
    DirectoryNotEmpty,
    FileDenied,
    FileError,
    FileExists,
    FileUnsupported,
    IsADirectory,
    NoSuchFile,
    NotADirectory,
)
from perdure.namespace.feed import Feed
from perdure.namespace.node import Document, Folder, Graft, Node, json_document
from perdure.namespace.path import Path
from perdure.namespace.port import APPEND, CALL, CREATE, READ, WRITE, Entry, Stat
from perdure.namespace.served import Served
from perdure.namespace.tree import MemoryTree
from perdure.testing import ManualClock
from perdure.testing.file_suite import CallContract, Directories, Exchanged, Handles, Renaming, Watching, Writing

Contents: TypeAlias = "dict[str, bytes | Contents]"


def folder(contents: Contents, feed: Feed, place: tuple[str, ...] = ()) -> Folder:
    """A folder of nested dicts, written as a service would write it."""

    async def names() -> Iterable[str]:
        return list(contents)

    async def child(name: str) -> Node | None:
        match contents.get(name):
            case None:
                return None
            case bytes():
                return document(contents, name, feed, place)
            case inner:
                return folder(inner, feed, (*place, name))

    async def create(name: str, data: bytes) -> None:
        contents[name] = data
        feed.tell("created", (*place, name))

    async def remove(name: str) -> None:
        if contents[name] and isinstance(contents[name], dict):
            raise DirectoryNotEmpty(f"{name} is not empty")
        del contents[name]
        feed.tell("deleted", (*place, name))

    async def rename(name: str, to: str) -> None:
        if to in contents and (isinstance(contents[to], dict) or isinstance(contents[name], dict)):
            raise FileExists(f"{to} is there")
        feed.tell("deleted", (*place, name))
        feed.tell("modified" if to in contents else "created", (*place, to))
        contents[to] = contents.pop(name)

    async def mkdir(name: str) -> None:
        contents[name] = {}
        feed.tell("created", (*place, name))

    return Folder(
        names=names, child=child, create=create, remove=remove, rename=rename, mkdir=mkdir, watch=feed.at(place)
    )


def document(contents: Contents, name: str, feed: Feed, place: tuple[str, ...]) -> Document:
    async def read() -> bytes:
        data = contents[name]
        assert isinstance(data, bytes)
        return data

    async def write(data: bytes) -> None:
        contents[name] = data
        feed.tell("modified", (*place, name))

    async def append(data: bytes) -> None:
        await write(await read() + data)

    return Document(read=read, write=write, append=append, watch=feed.at((*place, name)))


class TestServed(Handles, Writing, Directories, Renaming, Watching):
    @pytest.fixture
    def service(self) -> Served:
        return Served(folder({}, Feed()))


async def shout(request: bytes) -> bytes:
    return request.upper() + b"!"


async def now() -> bytes:
    return b"noon"


class TestCalls(CallContract):
    @pytest.fixture
    def exchanged(self) -> Exchanged:
        return Exchanged(Served(Folder({"shout": Document(call=shout)})), ("shout",), b"hello", b"HELLO!")


async def get(service: Served, *path: str) -> bytes:
    async with await service.open(path) as file:
        return await file.read()


async def put(service: Served, path: tuple[str, ...], data: bytes, how=WRITE) -> None:
    async with await service.open(path, how) as file:
        await file.write(data)


async def test_a_service_may_be_one_document() -> None:
    service = Served(Document(read=now, size=4))
    assert await get(service) == b"noon"
    about = await service.stat(())
    assert (about.is_dir, about.size, about.readable, about.writable) == (False, 4, True, False)
    with pytest.raises(NotADirectory):
        await service.list(())
    with pytest.raises(NotADirectory):
        await service.open(("deeper",))


async def test_what_a_node_has_no_function_for_cannot_be_done() -> None:
    service = Served(Folder({"time": Document(read=now), "shout": Document(call=shout), "log": Document(append=take)}))
    for path, how in [
        ("time", WRITE),
        ("time", CALL),
        ("time", APPEND),
        ("shout", READ),
        ("log", READ),
        ("log", WRITE),
    ]:
        with pytest.raises(FileUnsupported):
            await service.open((path,), how)
    with pytest.raises(FileExists):
        await service.open(("time",), CREATE)
    with pytest.raises(FileUnsupported):
        await service.open(("new",), WRITE)
    with pytest.raises(NoSuchFile):
        await service.open(("new",))
    with pytest.raises(FileUnsupported):
        await service.watch(("time",))
    for doing in (service.remove(("time",)), service.rename(("time",), ("x",)), service.mkdir(("x",))):
        with pytest.raises(FileUnsupported):
            await doing


async def take(data: bytes) -> None:
    del data


async def test_a_request_is_sent_by_any_way_of_writing() -> None:
    asked: list[bytes] = []

    async def ask(request: bytes) -> bytes:
        asked.append(request)
        return b""

    service = Served(Folder({"inbox": Document(read=now, call=ask)}))
    for how in (WRITE, APPEND, CALL):
        await put(service, ("inbox",), b"hello", how)
    assert asked == [b"hello"] * 3
    assert await get(service, "inbox") == b"noon"
    async with await service.open(("inbox",), WRITE):
        pass
    assert len(asked) == 3, "who writes nothing asks nothing"


async def test_a_command_file_takes_each_write_as_a_whole() -> None:
    commands: list[bytes] = []

    async def command(data: bytes) -> None:
        commands.append(data)

    service = Served(Folder({"ctl": Document(write=command)}))
    await put(service, ("ctl",), b"start")
    await put(service, ("ctl",), b"stop")
    async with await service.open(("ctl",), WRITE):
        pass
    assert commands == [b"start", b"stop"]


async def test_a_folder_may_be_read_too() -> None:
    async def names() -> list[str]:
        return ["0.json", "gone.json"]

    async def child(name: str) -> Node | None:
        return Document(read=now) if name in ("0.json", "secret.json") else None

    async def letters() -> list[int]:
        return [1, 2]

    service = Served(Folder({"count": Document(read=now)}, names, child, itself=json_document(letters)))
    assert await get(service) == b"[\n  1,\n  2\n]\n"
    assert await service.list(()) == [Entry("0.json", False), Entry("count", False)]
    assert await get(service, "secret.json") == b"noon"
    with pytest.raises(IsADirectory):
        await Served(Folder()).open(())


async def test_a_service_is_grafted_into_another() -> None:
    clock = ManualClock()
    notes, other = MemoryTree(clock), MemoryTree(clock)
    service = Served(Folder({"notes": Graft(notes), "other": Graft(other), "deep": Folder({"er": Graft(notes)})}))
    assert [(one.name, one.is_dir) for one in await service.list(())] == [
        ("deep", True),
        ("notes", True),
        ("other", True),
    ]
    watch = await service.watch(("deep", "er"))
    await service.mkdir(("notes", "d"))
    await put(service, ("notes", "d", "a"), b"x")
    assert await get(service, "deep", "er", "d", "a") == b"x"
    assert [(await anext(watch)).path for _ in range(2)] == [("deep", "er", "d"), ("deep", "er", "d", "a")]
    await service.rename(("notes", "d", "a"), ("notes", "b"))
    assert await get(service, "notes", "b") == b"x"
    with pytest.raises(FileUnsupported):
        await service.rename(("notes", "b"), ("other", "b"))
    with pytest.raises(FileUnsupported):
        await service.remove(("notes",))
    with pytest.raises(FileExists):
        await service.mkdir(("notes",))
    await service.remove(("notes", "b"))
    assert (await service.stat(("notes",))).is_dir
    assert [one.name for one in await service.list(("notes",))] == ["d"]


async def test_a_listing_looks_up_no_child_that_it_knows_all_about() -> None:
    looked: list[str] = []

    async def names() -> list[str | Entry]:
        return [Entry("known", False, 4, 7), "asked"]

    async def child(name: str) -> Node | None:
        looked.append(name)
        return Graft(Served(Document(read=now, size=9)))

    service = Served(Folder(names=names, child=child))
    assert await service.list(()) == [Entry("asked", False, 9), Entry("known", False, 4, 7)]
    assert looked == ["asked"]


async def test_a_service_that_is_broken_does_not_hide_the_others() -> None:
    class Broken(MemoryTree):
        async def stat(self, path: Path) -> Stat:
            raise FileError("the disk is gone")

    service = Served(Folder({"broken": Graft(Broken(ManualClock())), "whole": Document(read=now)}))
    assert await service.list(()) == [Entry("broken", True), Entry("whole", False)]


async def test_errors_of_a_node_are_told_with_its_path() -> None:
    async def fail(*_: object) -> bytes:
        raise FileDenied("not today")

    broken = Document(read=fail, append=fail, call=fail)
    service = Served(Folder({"deep": Folder({"file": broken}, create=fail, child=none, remove=fail, mkdir=fail)}))
    doings = [get(service, "deep", "file"), service.mkdir(("deep", "new"))]
    doings += [put(service, ("deep", name), b"x") for name in ("file", "new")]
    for doing in doings:
        with pytest.raises(FileDenied, match=r"^/deep/\w+: not today$"):
            await doing


async def none(_: str) -> None:
    return None
