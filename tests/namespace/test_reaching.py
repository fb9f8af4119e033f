"""A run reaches its agent's directory, and each operation is an effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure import Agent
from perdure.base.clock import ManualClock
from perdure.base.errors import FileDenied, FileExists, InputError, NoSuchFile
from perdure.kernel.classes import NotDone, Unsure
from perdure.kernel.store.memory import MemoryStore
from perdure.namespace.mounted import Mounted
from perdure.namespace.mounts import Mount, MountTable
from perdure.namespace.namespace import Namespace
from perdure.namespace.node import Document, Folder
from perdure.namespace.reaching import Files
from perdure.namespace.served import Served
from perdure.namespace.tree import MemoryTree


class Noted:
    """Stands in for a context: does every effect at once, and keeps what it was."""

    def __init__(self) -> None:
        self.last: dict[str, Any] = {}

    async def effect(self, kind: str, name: str, call: Any, **more: Any) -> Any:
        self.last = {"kind": kind, "name": name, **more}
        return await call("key-1")


class Desk:
    """A tree in memory with two files that take requests, seen through `files`."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.noted = Noted()
        requests = Folder({"jobs": Document(call=self.hear, keyed=True), "bell": Document(write=self.ring)})
        self.table = MountTable(
            Mount(path=("notes",), service=MemoryTree(ManualClock())),
            Mount(path=("desk",), service=Served(requests)),
        )
        self.own = Namespace(Mounted(self.table))
        self.files = Files(self.noted, self.view)  # type: ignore[arg-type]

    async def view(self) -> Namespace:
        return self.own

    async def hear(self, request: bytes) -> bytes:
        self.heard.append(request)
        return b"heard"

    async def ring(self, data: bytes) -> None:
        self.heard.append(data)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_each_operation_has_the_class_that_its_doubt_asks_for(desk: Desk) -> None:
    files, classes = desk.files, {}
    for verb, what in (
        ("mkdir", files.mkdir("/notes/old")),
        ("write", files.write("/notes/a", "one")),
        ("append", files.append("/notes/a", b" two")),
        ("rename", files.rename("/notes/a", "/notes/b")),
        ("read", files.read("/notes/b")),
        ("list", files.list("/notes")),
        ("stat", files.stat("/notes/b")),
        ("remove", files.remove("/notes/b")),
    ):
        await what
        classes[verb] = desk.noted.last["effect"]
    assert classes == {
        "mkdir": "checkable",
        "write": "idempotent",
        "append": "once",
        "rename": "checkable",
        "read": "read",
        "list": "read",
        "stat": "read",
        "remove": "checkable",
    }


async def test_writing_a_request_is_no_change_of_content_and_not_done_twice(desk: Desk) -> None:
    await desk.files.write("/desk/bell", "ring")
    assert (desk.heard, desk.noted.last["effect"]) == ([b"ring"], "once")
    assert desk.noted.last["request"]["bytes"] == 4


async def test_a_service_that_honours_keys_gets_that_of_the_effect(desk: Desk) -> None:
    assert await desk.files.call("/desk/jobs", {"model": "m"}) == b"heard"
    assert desk.noted.last["effect"] == "idempotent"
    await desk.files.call("/desk/jobs", {"model": "m", "idempotency_key": "mine"})
    assert [json.loads(one)["idempotency_key"] for one in desk.heard] == ["key-1", "mine"]
    await desk.files.call("/desk/jobs", b"raw")
    assert (desk.heard[-1], desk.noted.last["effect"]) == (b"raw", "once")


async def test_what_is_in_doubt_is_looked_at(desk: Desk) -> None:
    files, noted = desk.files, desk.noted
    await desk.own.mkdir("/notes/there")
    with pytest.raises(FileExists):
        await files.mkdir("/notes/there")
    assert await noted.last["probe"]("key") is None
    with pytest.raises(NoSuchFile):
        await files.remove("/notes/gone")
    assert await noted.last["probe"]("key") is None
    await files.mkdir("/notes/kept")
    await files.rename("/notes/kept", "/notes/moved")
    assert await noted.last["probe"]("key") is None
    await desk.own.rename("/notes/moved", "/notes/kept")
    assert isinstance(await noted.last["probe"]("key"), NotDone)
    desk.table.change(("notes",), "disabled")
    assert isinstance(await noted.last["probe"]("key"), Unsure)


async def test_following_gathers_changes_into_one_answer(desk: Desk) -> None:
    await desk.own.write("/notes/a", "1")
    first = (await (await desk.own.watch("/notes", 0)).__anext__()).seq
    for text in ("2", "3", "4"):
        await desk.own.write("/notes/a", text)
    changes = await desk.files.follow("/notes", after=first, limit=2)
    assert [(one.kind, one.path) for one in changes] == [("modified", ("notes", "a"))] * 2
    rest = await desk.files.follow("/notes", after=changes[-1].seq, limit=5, timeout_ms=10)
    assert len(rest) == 1
    ended = await desk.files.follow("/notes", after=first, until=lambda change: change.seq == changes[-1].seq)
    assert ended == changes
    with pytest.raises(InputError):
        await desk.files.follow("/notes", limit=0)


class Keeper(Agent):
    """Keeps what it is told as a goal, and counts how often it really looked."""

    async def on_message(self, ctx: perdure.Context, message: perdure.Envelope) -> Any:
        await ctx.files.write("/goals/rest.json", json.dumps({"description": message.payload}))
        names = [entry.name for entry in await ctx.files.list("/goals")]
        await ctx.ask("go on?")
        try:
            await ctx.files.write("/status", "{}")
        except FileDenied as error:
            return names, (await ctx.files.read("/goals/rest.json")).decode(), error.message


async def test_a_python_agent_has_its_directory_and_a_replay_touches_nothing(tmp_path: Path) -> None:
    async with perdure.open(tmp_path, store=MemoryStore()) as rt:
        waiting = await rt.run(Keeper, "sleep", agent="ann")
        await rt.namespace.remove("/agents/ann/goals/rest.json")
        await rt.namespace.write("/agents/ann/goals/rest.json", '{"description": "changed"}')
        await rt.approve(waiting.run_id)
        result = await rt.wait(waiting.run_id)
        names, goal, refused = result.output
        assert (names, "changed" in goal, refused) == (["rest.json"], True, "/status: the mount is read only")
        assert (await rt.replay(waiting.run_id)).verdict == "same"
