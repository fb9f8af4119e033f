"""Layers as one tree."""

from __future__ import annotations

import asyncio

import pytest

from perdure.base.errors import FileDenied, FileExists, NoSuchFile, NotADirectory
from perdure.namespace.access import Disabled, ReadOnly
from perdure.namespace.namespace import Namespace
from perdure.namespace.tree import MemoryTree
from perdure.namespace.union import Union
from perdure.testing import ManualClock
from perdure.testing.file_suite import Directories, Handles, Moving, Renaming, Writing


def tree() -> MemoryTree:
    return MemoryTree(ManualClock())


class TestUnion(Handles, Writing, Directories, Renaming, Moving):
    @pytest.fixture
    def service(self) -> Union:
        return Union(ReadOnly(tree()), tree())


@pytest.fixture
def lower() -> Namespace:
    return Namespace(tree())


@pytest.fixture
def upper() -> Namespace:
    return Namespace(tree())


@pytest.fixture
def both(lower: Namespace, upper: Namespace) -> Namespace:
    return Namespace(Union(lower._service, upper._service))


async def names(namespace: Namespace, path: str = "/") -> list[str]:
    return [one.name for one in await namespace.list(path)]


async def test_later_layers_shadow_earlier_ones(lower: Namespace, upper: Namespace, both: Namespace) -> None:
    for layer, text in ((lower, "lower"), (upper, "upper")):
        await layer.mkdir("/d")
        await layer.write("/d/both", text)
        await layer.write(f"/d/{text}", text)
    assert await names(both, "/d") == ["both", "lower", "upper"]
    assert [await both.read(f"/d/{name}") for name in ("both", "lower", "upper")] == [b"upper", b"lower", b"upper"]
    await both.remove("/d/both")
    assert await both.read("/d/both") == b"lower"


async def test_what_is_there_is_changed_where_it_is(lower: Namespace, upper: Namespace, both: Namespace) -> None:
    await lower.write("/a", "old")
    await both.write("/a", "new")
    assert await lower.read("/a") == b"new"
    await both.write("/b", "new")
    assert await names(upper) == ["b"]
    await both.rename("/a", "/c")
    assert await names(lower) == ["c"]
    with pytest.raises(FileExists):
        await both.rename("/c", "/b")


async def test_what_is_new_goes_where_its_directory_can_be_written(lower: Namespace, upper: Namespace) -> None:
    await lower.mkdir("/d")
    both = Namespace(Union(lower._service, ReadOnly(upper._service)))
    await both.write("/d/a", "x")
    await both.write("/a", "x")
    await both.mkdir("/e")
    assert await names(lower) == ["a", "d", "e"]
    assert await names(upper) == []
    closed = Namespace(Union(ReadOnly(lower._service), ReadOnly(upper._service)))
    with pytest.raises(FileDenied):
        await closed.write("/b", "x")
    with pytest.raises(FileDenied):
        await closed.mkdir("/b")
    with pytest.raises(NoSuchFile):
        await closed.write("/no/b", "x")


async def test_a_file_hides_a_directory_and_the_other_way_round(
    lower: Namespace, upper: Namespace, both: Namespace
) -> None:
    await lower.mkdir("/a")
    await lower.write("/a/hidden", "x")
    await upper.write("/a", "file")
    assert await both.read("/a") == b"file"
    with pytest.raises(NotADirectory):
        await both.list("/a")
    with pytest.raises(NotADirectory):
        await both.read("/a/hidden")
    await lower.write("/b", "file")
    await upper.mkdir("/b")
    assert await names(both, "/b") == []
    await both.write("/b/new", "x")
    assert await upper.read("/b/new") == b"x"


async def test_a_disabled_layer_has_no_part(lower: Namespace, upper: Namespace) -> None:
    await lower.write("/a", "lower")
    await upper.write("/a", "upper")
    both = Namespace(Union(lower._service, Disabled(upper._service)))
    assert await both.read("/a") == b"lower"
    assert await names(both) == ["a"]
    nothing = Namespace(Union(Disabled(lower._service), Disabled(upper._service)))
    with pytest.raises(FileDenied):
        await nothing.read("/a")
    with pytest.raises(FileDenied):
        await nothing.list("/")


async def test_a_directory_is_watched_in_all_layers(lower: Namespace, upper: Namespace, both: Namespace) -> None:
    watch = await both.watch("/")
    for layer, name in ((lower, "a"), (upper, "b"), (lower, "c")):
        await layer.write(f"/{name}", "x")
        assert (await asyncio.wait_for(anext(aiter(watch)), 5)).path == (name,)
    waiting = asyncio.ensure_future(anext(aiter(watch), None))
    await asyncio.sleep(0)
    await watch.aclose()
    assert await asyncio.wait_for(waiting, 5) is None
    again = await both.watch("/", 1)
    assert (await anext(aiter(again))).kind == "gap"
    await lower.write("/a", "y")
    one = await both.watch("/a", 1)
    assert [(await anext(aiter(one))).kind for _ in range(1)] == ["modified"]
