"""Access levels, each around a tree that could do everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from perdure.base.errors import BudgetExceeded, ConfigError, FileDenied, NoSuchFile
from perdure.namespace.access import Access, Disabled, ReadOnly, Restricted, SignOnly, guarded
from perdure.namespace.node import Document, Folder
from perdure.namespace.port import APPEND, CALL, CHANGE, CREATE, READ, WRITE, FileService, How
from perdure.namespace.served import Served
from perdure.namespace.tree import MemoryTree
from perdure.testing import ManualClock


class Purse:
    """A meter over a sum of micro-USD."""

    def __init__(self, amount: int) -> None:
        self.left = amount

    async def charge(self, amount: int) -> None:
        if amount > self.left:
            raise BudgetExceeded("the purse is empty", scope="purse", limit=self.left)
        self.left -= amount


async def put(service: FileService, path: tuple[str, ...], data: bytes, how: How = WRITE) -> None:
    async with await service.open(path, how) as file:
        await file.write(data)


async def get(service: FileService, path: tuple[str, ...]) -> bytes:
    async with await service.open(path) as file:
        return await file.read()


@pytest.fixture
def tree() -> MemoryTree:
    return MemoryTree(ManualClock())


def changes(service: FileService) -> list[Callable[[], Awaitable[object]]]:
    """Every way of changing something."""
    return [
        *(lambda how=how: service.open(("a",), how) for how in (WRITE, APPEND, CALL, CHANGE, CREATE, How(create=True))),
        lambda: service.remove(("a",)),
        lambda: service.rename(("a",), ("b",)),
        lambda: service.mkdir(("d",)),
    ]


async def test_read_write_is_the_service_itself(tree: MemoryTree) -> None:
    assert guarded(tree, "read_write") is tree


async def test_read_only(tree: MemoryTree) -> None:
    await put(tree, ("a",), b"x")
    service = guarded(tree, "read_only")
    assert isinstance(service, ReadOnly)
    assert await get(service, ("a",)) == b"x"
    assert [one.name for one in await service.list(())] == ["a"]
    about = await service.stat(("a",))
    assert (about.readable, about.writable, about.size) == (True, False, 1)
    for change in changes(service):
        with pytest.raises(FileDenied):
            await change()
    watch = await service.watch(())
    await put(tree, ("a",), b"y")
    assert (await anext(watch)).path == ("a",)
    assert await get(tree, ("a",)) == b"y"


async def test_disabled(tree: MemoryTree) -> None:
    await put(tree, ("a",), b"x")
    service = guarded(tree, "disabled")
    assert isinstance(service, Disabled)
    about = await service.stat(())
    assert (about.is_dir, about.readable, about.writable) == (True, False, False)
    looks: list[Callable[[], Awaitable[object]]] = [
        lambda: service.open(("a",), READ),
        lambda: service.list(()),
        lambda: service.stat(("a",)),
        lambda: service.watch(()),
    ]
    for doing in [*looks, *changes(service)]:
        with pytest.raises(FileDenied):
            await doing()


async def test_sign_only_leaves_the_operations_of_a_key() -> None:
    async def secret() -> bytes:
        return b"private key"

    async def sign(data: bytes) -> bytes:
        return b"signed " + data

    async def pubkey() -> bytes:
        return b"public key"

    nodes = {"pubkey": Document(read=pubkey), "sign": Document(call=sign), "private": Document(read=secret)}
    identity = Served(Folder({**nodes, "signing": Document(read=secret)}))
    service = guarded(identity, "sign_only")
    assert isinstance(service, SignOnly)
    assert [one.name for one in await service.list(())] == ["pubkey", "sign"]
    assert await get(service, ("pubkey",)) == b"public key"
    for how in (CALL, WRITE, APPEND):
        async with await service.open(("sign",), how) as file:
            await file.write(b"this")
            assert await file.read() == b"signed this"
    for path in [("private",), ("signing",), ("new",), ()]:
        for how in (READ, WRITE, CALL):
            with pytest.raises(FileDenied):
                await service.open(path, how)
    with pytest.raises(FileDenied):
        await service.stat(("private",))
    with pytest.raises(FileDenied):
        await service.list(("private",))
    with pytest.raises(NoSuchFile):
        await service.open(("verify",), WRITE)
    for doing in [service.remove(("sign",)), service.rename(("private",), ("sign",)), service.mkdir(("sign",))]:
        with pytest.raises(FileDenied):
            await doing
    with pytest.raises(FileDenied):
        await service.watch(())


async def test_each_write_through_a_budgeted_mount_costs_one_microdollar(tree: MemoryTree) -> None:
    purse = Purse(2)
    service = guarded(tree, "budgeted", purse)
    await put(service, ("a",), b"1")
    await put(service, ("a",), b"2", APPEND)
    assert purse.left == 0
    assert await get(service, ("a",)) == b"12"
    for how in (WRITE, APPEND, CALL, CHANGE):
        with pytest.raises(BudgetExceeded):
            await service.open(("a",), how)
    for doing in (service.remove(("a",)), service.rename(("a",), ("b",)), service.mkdir(("d",))):
        with pytest.raises(BudgetExceeded):
            await doing
    assert await get(tree, ("a",)) == b"12"
    assert [one.name for one in await tree.list(())] == ["a"]


async def test_what_cannot_be_opened_costs_nothing(tree: MemoryTree) -> None:
    purse = Purse(10)
    service = guarded(tree, "budgeted", purse, price=3)
    with pytest.raises(NoSuchFile):
        await service.open(("no", "such"), WRITE)
    assert purse.left == 10
    await put(service, ("a",), b"x")
    assert purse.left == 7


async def test_a_service_that_reserves_its_own_money_is_not_charged_again(tree: MemoryTree) -> None:
    assert guarded(tree, "budgeted", price=0) is tree
    with pytest.raises(ConfigError):
        guarded(tree, "budgeted")


async def test_what_is_restricted_can_be_read(tree: MemoryTree) -> None:
    await tree.mkdir(("conf",))
    await put(tree, ("conf", "policy"), b"strict")
    await put(tree, ("free",), b"x")
    service = Restricted(tree, [("conf", "policy")])
    assert await get(service, ("conf", "policy")) == b"strict"
    assert not (await service.stat(("conf", "policy"))).writable
    assert (await service.stat(("free",))).writable
    await put(service, ("free",), b"y")
    for how in (WRITE, APPEND, CALL, CHANGE):
        with pytest.raises(FileDenied):
            await service.open(("conf", "policy"), how)
    for doing in (
        service.remove(("conf", "policy")),
        service.rename(("conf", "policy"), ("old",)),
        service.rename(("free",), ("conf", "policy")),
        service.rename(("conf",), ("old",)),
        service.mkdir(("conf", "policy")),
    ):
        with pytest.raises(FileDenied):
            await doing
    assert await get(tree, ("conf", "policy")) == b"strict"


@pytest.mark.parametrize("level", ["read_only", "disabled", "sign_only"])
async def test_refusals_name_the_path(tree: MemoryTree, level: Access) -> None:
    with pytest.raises(FileDenied, match=r"^/d/a: ") as refusal:
        await guarded(tree, level).open(("d", "a"), WRITE)
    assert refusal.value.facts == {"path": "/d/a"}
