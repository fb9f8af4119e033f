"""The mount table, and the tree that is seen through it."""

from __future__ import annotations

import asyncio
import json

import pytest

from perdure.base.errors import (
    FileDenied,
    FileError,
    FileExists,
    FileUnsupported,
    IsADirectory,
    NoSuchFile,
)
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.node import Document, Folder, Graft
from perdure.namespace.path import Path, parse
from perdure.namespace.port import CREATE, WRITE, Entry, Stat
from perdure.namespace.served import Served
from perdure.namespace.tree import MemoryTree
from perdure.testing import ManualClock
from perdure.testing.file_suite import FileContract


def tree() -> MemoryTree:
    return MemoryTree(ManualClock())


def mount(path: str, service: MemoryTree | Served | None = None, **more) -> Mount:
    return Mount(path=parse(path), service=service or tree(), **more)


def seen(table: MountTable, *, as_admin: bool = False) -> Namespace:
    return Namespace(Mounted(table, as_admin=as_admin))


async def names(namespace: Namespace, path: str) -> list[str]:
    return [one.name for one in await namespace.list(path)]


class TestMounted(FileContract):
    @pytest.fixture
    def service(self) -> Mounted:
        return Mounted(MountTable(mount("/")))


async def test_the_longest_mount_serves_a_path() -> None:
    namespace = seen(MountTable(mount("/"), mount("/wallet"), mount("/wallet/history")))
    for path in ("/a", "/wallet/a", "/wallet/history/a", "/walletx"):
        await namespace.write(path, path)
    for path in ("/a", "/wallet/a", "/wallet/history/a", "/walletx"):
        assert await namespace.read(path) == path.encode()
    assert await names(namespace, "/") == ["a", "wallet", "walletx"]
    assert await names(namespace, "/wallet") == ["a", "history"]
    assert await names(namespace, "/wallet/history") == ["a"]


async def test_what_is_below_a_mount_point_is_not_seen_through_it() -> None:
    below = tree()
    await below.mkdir(("wallet",))
    async with await below.open(("wallet", "hidden"), WRITE) as file:
        await file.write(b"x")
    namespace = seen(MountTable(mount("/", below), mount("/wallet")))
    assert await names(namespace, "/wallet") == []
    with pytest.raises(NoSuchFile):
        await namespace.read("/wallet/hidden")


async def test_directories_on_the_way_to_mounts_are_listed() -> None:
    table = MountTable(mount("/agents/a/notes"), mount("/agents/b"), mount("/mounts", Served(Document(read=noon))))
    namespace = seen(table)
    assert await namespace.list("/") == [Entry("agents", True), Entry("mounts", False)]
    assert await names(namespace, "/agents") == ["a", "b"]
    assert await names(namespace, "/agents/a") == ["notes"]
    assert (await namespace.stat("/agents/a")).is_dir
    assert await names(seen(MountTable()), "/") == []
    with pytest.raises(IsADirectory):
        await namespace.read("/agents/a")
    with pytest.raises(FileUnsupported):
        await namespace.watch("/agents")
    for path in ("/no", "/agents/no", "/agents/a/no/deeper"):
        for doing in (namespace.read(path), namespace.list(path), namespace.stat(path), namespace.watch(path)):
            with pytest.raises(NoSuchFile):
                await doing


async def noon() -> bytes:
    return b"noon"


async def test_mount_points_stay_where_they_are() -> None:
    namespace = seen(MountTable(mount("/a/b"), mount("/c")))
    await namespace.write("/c/x", "1")
    for doing in (
        namespace.remove("/a/b"),
        namespace.remove("/a"),
        namespace.remove("/"),
        namespace.rename("/a", "/z"),
        namespace.rename("/c/x", "/a"),
        namespace.mkdir("/new"),
        namespace.write("/new", "x"),
    ):
        with pytest.raises(FileError):
            await doing
    for path in ("/a", "/a/b", "/"):
        with pytest.raises(FileExists):
            await namespace.mkdir(path)
    with pytest.raises(FileUnsupported):
        await namespace.rename("/c/x", "/a/b/x")
    assert await namespace.read("/c/x") == b"1"


async def test_a_change_takes_effect_at_once_on_what_is_open() -> None:
    notes = tree()
    table = MountTable(mount("/notes", notes), mount("/other"))
    namespace = seen(table)
    await namespace.write("/notes/a", "before")
    reader, writer = await namespace.open("/notes/a"), await namespace.open("/notes/a", WRITE)
    other = await namespace.open("/other/a", WRITE)
    await writer.write(b"after")
    table.change(("notes",), "read_only")
    for doing in (reader.read(), writer.write(b"x"), writer.flush(), writer.seek(0), writer.close(), reader.close()):
        with pytest.raises(FileDenied, match="/notes was changed or taken away"):
            await doing
    await other.write(b"still here")
    await other.close()
    assert await namespace.read("/notes/a") == b"before"
    with pytest.raises(FileDenied):
        await namespace.write("/notes/a", "x")
    table.change(("notes",), "disabled")
    with pytest.raises(FileDenied):
        await namespace.read("/notes/a")
    assert await names(namespace, "/") == ["notes", "other"]
    table.change(("notes",), "read_write")
    await namespace.write("/notes/a", "again")
    table.unmount(("notes",))
    with pytest.raises(NoSuchFile):
        await namespace.read("/notes/a")
    assert await names(namespace, "/") == ["other"]


async def test_whoever_waits_for_a_change_is_told_that_the_mount_is_gone() -> None:
    table = MountTable(mount("/notes"))
    namespace = seen(table)
    watch = await namespace.watch("/notes")
    waiting = asyncio.ensure_future(anext(aiter(watch)))
    await asyncio.sleep(0)
    table.unmount(("notes",))
    with pytest.raises(FileDenied):
        await asyncio.wait_for(waiting, 5)
    with pytest.raises(FileDenied):
        await anext(aiter(watch))


async def test_what_changed_before_is_not_told_after() -> None:
    table = MountTable(mount("/notes"))
    namespace = seen(table)
    watch = await namespace.watch("/notes")
    await namespace.write("/notes/a", "x")
    table.change(("notes",), "disabled")
    with pytest.raises(FileDenied):
        await anext(aiter(watch))


async def test_paths_of_changes_and_errors_are_those_of_the_tree() -> None:
    deep = Served(Folder({"files": Graft(Mounted(MountTable(mount("/inner"))))}))
    namespace = seen(MountTable(mount("/agents/a", deep)))
    watch = await namespace.watch("/agents/a/files/inner")
    await namespace.write("/agents/a/files/inner/x", "1")
    change = await anext(aiter(watch))
    assert (change.kind, change.path) == ("created", ("agents", "a", "files", "inner", "x"))
    with pytest.raises(NoSuchFile, match=r"^/agents/a/files/inner/y: ") as error:
        await namespace.read("/agents/a/files/inner/y")
    assert error.value.facts == {"path": "/agents/a/files/inner/y"}
    one, two = [await namespace.open("/agents/a/files/inner/z", CREATE) for _ in range(2)]
    await one.close()
    with pytest.raises(FileExists, match=r"^/agents/a/files/inner/z: "):
        await two.close()


async def test_restricted_writes_are_for_an_administrator() -> None:
    compute = tree()
    async with await compute.open(("policy",), WRITE) as file:
        await file.write(b"{}")
    table = MountTable(mount("/compute", compute, restricted=(("policy",),)))
    agent, admin = seen(table), seen(table, as_admin=True)
    with pytest.raises(FileDenied, match=r"^/compute/policy: only an administrator"):
        await agent.write("/compute/policy", "mine")
    await agent.write("/compute/job", "x")
    await admin.write("/compute/policy", "theirs")
    assert await agent.read("/compute/policy") == b"theirs"
    table.change(("compute",), "read_only")
    with pytest.raises(FileDenied):
        await admin.write("/compute/policy", "x")


async def test_the_table_can_be_read() -> None:
    table = MountTable(
        mount("/compute", access="budgeted", price=0, restricted=(("policy",),)), mount("/tools", name="core")
    )
    table.mount(mount("/tools", name="user", access="read_only"), over=True)
    table.mount(mount("/mounts", Served(table.document()), access="read_only"))
    assert json.loads(await seen(table).read("/mounts")) == [
        {"path": "/compute", "access": "budgeted", "price_microusd": 0, "restricted": ["/compute/policy"]},
        {"path": "/mounts", "access": "read_only"},
        {"path": "/tools", "access": "read_write", "name": "core"},
        {"path": "/tools", "access": "read_only", "name": "user"},
    ]


async def test_one_thing_is_mounted_at_one_place() -> None:
    table = MountTable(mount("/a"))
    with pytest.raises(FileExists):
        table.mount(mount("/a"))
    with pytest.raises(FileExists):
        table.mount(mount("/a"), over=True)  # a layer has a name of its own
    with pytest.raises(NoSuchFile):
        table.unmount(("b",))
    with pytest.raises(NoSuchFile):
        table.change(("a",), "read_only", "no such layer")
    table.mount(mount("/a", name="second"), over=True)


async def test_a_layer_is_taken_away_without_the_others() -> None:
    table = MountTable(mount("/tools", name="core"))
    namespace = seen(table)
    await namespace.write("/tools/calc", "core")
    held = await namespace.open("/tools/calc")
    user = tree()
    table.mount(mount("/tools", user, name="user"), over=True)
    async with await user.open(("calc",), WRITE) as file:
        await file.write(b"user")
    assert await namespace.read("/tools/calc") == b"user"
    assert await held.read() == b"core"
    table.change(("tools",), "disabled", "user")
    assert await namespace.read("/tools/calc") == b"core"
    table.change(("tools",), "read_only", "user")
    assert await namespace.read("/tools/calc") == b"user"
    table.unmount(("tools",), "user")
    assert await namespace.read("/tools/calc") == b"core"
    await held.seek(0)
    assert await held.read() == b"core"


async def test_a_service_that_is_broken_does_not_hide_the_others() -> None:
    class Broken(MemoryTree):
        async def stat(self, path: Path) -> Stat:
            raise FileError("the disk is gone")

    namespace = seen(MountTable(mount("/broken", Broken(ManualClock())), mount("/whole")))
    assert await names(namespace, "/") == ["broken", "whole"]
