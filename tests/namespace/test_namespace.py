"""Paths as people write them, over any file service."""

from __future__ import annotations

import pytest

from perdure.base.errors import InvalidPath, NoSuchFile
from perdure.namespace.namespace import Namespace
from perdure.namespace.node import Document, Folder
from perdure.namespace.port import READ, Entry
from perdure.namespace.served import Served
from perdure.namespace.tree import MemoryTree
from perdure.testing import ManualClock


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(MemoryTree(ManualClock(7)))


async def test_the_verbs(namespace: Namespace) -> None:
    await namespace.mkdir("/notes")
    watch = await namespace.watch("/notes")
    await namespace.write("/notes/a", "größe")
    await namespace.append("/notes/a", b"!")
    assert await namespace.read("/notes/a") == "größe!".encode()
    await namespace.rename("/notes/a", "/notes/b")
    assert await namespace.list("/notes/") == [Entry("b", False, 8, 7)]
    assert (await namespace.stat("/notes/b")).size == 8
    async with await namespace.open("/notes/b", READ) as file:
        assert await file.read(2) == b"gr"
    await namespace.remove("/notes/b")
    kinds = [(await anext(aiter(watch))).kind for _ in range(5)]
    assert kinds == ["created", "modified", "deleted", "created", "deleted"]
    again = await namespace.watch("/notes", after=2)
    assert (await anext(aiter(again))).kind == "modified"


async def test_a_call_writes_a_request_and_reads_its_answer(namespace: Namespace) -> None:
    async def sign(data: bytes) -> bytes:
        return b"signed " + data

    identity = Namespace(Served(Folder({"sign": Document(call=sign)})))
    assert await identity.call("/sign", "this") == b"signed this"
    assert await identity.call("/sign", b"") == b"signed "
    await namespace.write("/content", "something long")
    assert await namespace.call("/content", "short") == b""
    assert await namespace.read("/content") == b"short"


@pytest.mark.parametrize("path", ["", "notes", "/../etc", "/a/../b", "/%2e%2e", "//"])
async def test_what_is_no_path_reaches_no_service(namespace: Namespace, path: str) -> None:
    for doing in (
        namespace.read(path),
        namespace.write(path, "x"),
        namespace.append(path, "x"),
        namespace.call(path, "x"),
        namespace.list(path),
        namespace.stat(path),
        namespace.watch(path),
        namespace.remove(path),
        namespace.rename(path, "/b"),
        namespace.rename("/b", path),
        namespace.mkdir(path),
    ):
        with pytest.raises(InvalidPath):
            await doing


async def test_an_error_tells_the_path_and_the_cure(namespace: Namespace) -> None:
    with pytest.raises(NoSuchFile) as refusal:
        await namespace.read("/no/such")
    assert refusal.value.as_dict() == {
        "code": "file.not_found",
        "message": "/no/such: there is no such file or directory",
        "hint": "List the directory above it to see what there is.",
        "facts": {"path": "/no/such"},
    }
