"""An agent's notes: files and folders that are values of its store, with every change on record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure.base.codec import digest_bytes
from perdure.base.errors import FileExists, VersionConflict
from perdure.kernel.store.ops import PutAgent, PutValue
from perdure.kernel.store.rows import AgentRow, RecordFilter
from perdure.namespace.namespace import Namespace
from perdure.namespace.only import NOTHING, only
from perdure.namespace.port import WRITE
from perdure.namespace.served import Served
from perdure.namespace.services.memory import PREFIX, memory_node
from perdure.namespace.services.values import Shelf
from perdure.testing.file_suite import Directories, Handles, Renaming, Watching, Writing


class TestMemory(Handles, Writing, Directories, Renaming, Watching):
    @pytest.fixture
    def service(self, office: Any) -> Served:
        asyncio.run(_begin(office))
        return Served(memory_node("bob", office.desk))


async def _begin(office: Any) -> None:
    await office.commit(PutAgent(AgentRow("bob", "spec", 1)))


async def test_every_change_is_on_record(office: Any, served: Any, data: Any) -> None:
    notes: Namespace = await served(memory_node)
    await notes.write("/plan", "do it")
    await notes.append("/plan", " now")
    await notes.rename("/plan", "/done")
    await notes.remove("/done")
    records = await office.store.records(RecordFilter("bob"))
    assert [(one.type, one.key) for one in records] == [
        ("value.set", "memory:plan"),
        ("value.set", "memory:plan"),
        ("value.dropped", "memory:plan"),
        ("value.set", "memory:done"),
        ("value.dropped", "memory:done"),
    ]
    assert (await office.store.verify("bob")) == []


async def test_a_key_with_slashes_is_a_file_in_folders(office: Any, served: Any) -> None:
    notes: Namespace = await served(memory_node)
    await office.commit(
        PutValue("bob", "memory:people/ann/mail", b"ann@example.com", 7),
        PutValue("bob", "memory:people.txt", b"", 7),
        PutValue("bob", "other", b"", 7),
    )
    assert [one.name for one in await notes.list("/")] == ["people", "people.txt"]
    assert await notes.read("/people/ann/mail") == b"ann@example.com"
    await notes.rename("/people", "/friends")
    assert await notes.read("/friends/ann/mail") == b"ann@example.com"
    with pytest.raises(FileExists):
        await notes.rename("/friends", "/people.txt")


async def test_who_writes_at_the_same_time_loses_nothing(served: Any) -> None:
    notes: Namespace = await served(memory_node)
    await asyncio.gather(*(notes.append("/log", f"{number:02}") for number in range(20)))
    content = (await notes.read("/log")).decode()
    assert sorted(content[at : at + 2] for at in range(0, 40, 2)) == [f"{number:02}" for number in range(20)]


async def test_large_folders_are_read_in_pages(served: Any) -> None:
    notes: Namespace = await served(memory_node)
    await notes.mkdir("/deep")
    for number in range(250):
        await notes.write(f"/deep/{number:03}", b"x")
    await notes.write("/last", b"")
    assert [one.name for one in await notes.list("/")] == ["deep", "last"]
    assert len(await notes.list("/deep")) == 250


async def test_a_change_to_what_was_read_is_made_to_nothing_else(served: Any) -> None:
    notes: Namespace = await served(memory_node)
    await notes.write("/plan", "one")
    read = digest_bytes(b"one")
    with only(read):
        file = await notes.open("/plan", WRITE)
        await file.write(b"mine")
    await notes.write("/plan", "theirs")  # between the look and the change
    with only(read):
        for change in (file.close(), notes.append("/plan", "!"), notes.remove("/plan")):
            with pytest.raises(VersionConflict):
                await change
    assert await notes.read("/plan") == b"theirs"
    with only(digest_bytes(b"theirs")):
        await notes.append("/plan", "!")
    with only(digest_bytes(b"theirs!")):
        await notes.remove("/plan")
    with only(read), pytest.raises(VersionConflict):
        await notes.write("/plan", "what is gone is not what was read either")


async def test_a_file_is_made_only_where_there_is_none_in_the_commit_too(office: Any) -> None:
    await _begin(office)
    shelf = Shelf(office.desk, "bob", PREFIX)
    with only(NOTHING):
        made = await asyncio.gather(*(shelf.put("plan", b"%d" % n) for n in range(4)), return_exceptions=True)
    assert [type(one) for one in made] == [type(None), *[VersionConflict] * 3]
    assert (await shelf.get("plan")).data == b"0"
