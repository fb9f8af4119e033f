"""An agent goes from one project to another as one file, and nothing that is wrong with the file comes with it."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

import perdure
from perdure.base.clock import ManualClock
from perdure.base.codec import digest_bytes
from perdure.base.errors import (
    AgentNotFound,
    BundleConflict,
    BundleTooLarge,
    IncompatibleBundle,
    InvalidBundle,
)
from perdure.control.bundle.archive import open_archive, pack_archive
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import MarkSeen, PutDeadLetter, PutValue, Remember, Reserve, ScopeLimit, Settle
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter
from perdure.kernel.store.sqlite import SqliteStore
from perdure.testing import call

Open: TypeAlias = Callable[..., AbstractAsyncContextManager[perdure.Runtime]]

ANSWERS = [[call("look", place="attic")], "all is fine", "once more"]
COUNTER = """
from perdure import Agent, AgentState

class Counter(Agent):
    class State(AgentState):
        version = {version}
        count: int = 0
{migrate}
    async def on_message(self, ctx, message):
        self.state.count += 1
        return self.state.count
"""
MIGRATE = """
        @classmethod
        def migrate(cls, from_version, data):
            return cls(count=data["count"])
"""


async def live(rt: perdure.Runtime) -> None:
    """Give the agent `ann` something of everything."""
    await rt.run("clerk.yaml", "Look into the attic", agent="ann")
    store, now = rt.store, rt.clock.now()
    await rt.change("ann", "stop")
    await rt.send("ann", "later")
    await store.commit([PutValue("ann", "note:1", b"\x00milk", now), PutValue("ann", "big", b"x" * 100_000, now)])
    await store.commit([MarkSeen("ann", ("s1", "s2")), PutDeadLetter("ann", "d1", "overflow", now, b"dead")])
    await store.commit([Remember("ann:openai:k", b"{}", now, now + 10**10), Remember("anna:x:k", b"no", now, now + 9)])
    day = (ScopeLimit("agent:ann:day", 1000, 3), ScopeLimit("project:day", 500, 3))
    run = (await rt.runs(agent="ann")).items[-1].run_id
    await store.commit([Reserve("r", run, 30, day), Settle("r", 20)])


async def bundle(opened: Open) -> bytes:
    async with opened(ANSWERS, store=MemoryStore(), clock=ManualClock()) as rt:
        await live(rt)
        return await rt.export_agent("ann")


def rewritten(data: bytes, **changed: Any) -> bytes:
    """The bundle with some files in place of others (None: gone), and a manifest that says so."""
    files: dict[str, Any] = open_archive(data)
    for name, content in changed.items():
        name = NAMES.get(name, name)
        files[name] = content(files[name]) if callable(content) else content
    files = {name: content for name, content in files.items() if content is not None}
    manifest = msgspec.json.decode(files["manifest.json"])
    manifest["files"] = {name: digest_bytes(content) for name, content in files.items() if name != "manifest.json"}
    return pack_archive({**files, "manifest.json": msgspec.json.encode(manifest)})


NAMES = {
    "journal": "journal.jsonl",
    "agent": "agent.json",
    "inbox": "inbox.jsonl",
    "timers": "timers.jsonl",
    "budget": "runtime/budget_state.json",
    "answers": "runtime/idempotency_journal.jsonl",
    "manifest": "manifest.json",
    "runs": "runs.jsonl",
}


# -- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_an_agent_comes_back_as_it_was_byte_for_byte(opened: Open, tmp_path: Path, kind: str) -> None:
    data = await bundle(opened)
    store: Store = MemoryStore() if kind == "memory" else SqliteStore.open(tmp_path / "other.db")
    clock = ManualClock(now=1_900_000_000_000)
    async with opened(ANSWERS, store=store, clock=clock) as rt:
        said = await rt.import_agent(data)
        assert (said.id, said.status, said.warnings) == ("ann", "imported", ())
        assert await rt.export_agent("ann") == data, "however much later"
        assert await store.verify("ann") == [] and await store.remembered("ann:openai:k", 0) == b"{}"
        assert await store.remembered("anna:x:k", 0) is None
        (day,) = await store.scopes(["agent:ann:day"])
        assert (day.spent, day.reserved) == (20, 0)
        await rt.change("ann", "start")
        run = (await rt.runs(agent="ann", limit=1)).items[0]
        assert (await rt.wait(run.run_id)).output == "once more"
        assert await store.verify("ann") == []
    await store.close()


async def test_exporting_writes_nothing_and_says_the_same_every_time(opened: Open) -> None:
    clock = ManualClock()
    async with opened(ANSWERS, store=MemoryStore(), clock=clock) as rt:
        await live(rt)
        before = await rt.store.snapshot("ann")
        first = await rt.export_agent("ann")
        await clock.advance(60_000)
        assert await rt.export_agent("ann") == first and await rt.store.snapshot("ann") == before
        await rt.send("ann", "news")
        assert await rt.export_agent("ann") != first
        with pytest.raises(AgentNotFound):
            await rt.export_agent("nobody")


async def test_the_manifest_tells_what_is_inside(opened: Open) -> None:
    files = open_archive(await bundle(opened))
    manifest = msgspec.json.decode(files["manifest.json"])
    assert (manifest["manifest_version"], manifest["agent_id"], manifest["agent_name"]) == (1, "ann", "clerk")
    assert set(manifest["versioning"]) == {
        "agent_code_digest",
        "runtime_api_version",
        "state_schema_version",
        "state_version",
    }
    assert set(manifest["tools"]) == {"pay", "look"} and manifest["includes_logs"] is True
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    assert not any("key" in name for name in files), "keys stay where they are"


async def test_what_already_is_there_is_not_replaced(opened: Open) -> None:
    data = await bundle(opened)
    async with opened(["hi"], store=MemoryStore()) as rt:
        await rt.run("clerk.yaml", "hello", agent="ann")
        before = await rt.export_agent("ann")
        with pytest.raises(BundleConflict) as caught:
            await rt.import_agent(data)
        assert caught.value.facts["conflicts"] == ["ann"]
        assert await rt.export_agent("ann") == before


async def test_a_clone_has_a_life_of_its_own_beside_the_original(opened: Open) -> None:
    async with opened([*ANSWERS, "and more"], store=MemoryStore()) as rt:
        await live(rt)
        data = await rt.export_agent("ann")
        said = await rt.import_agent(data, mode="clone", agent="eve", who="boss")
        assert said.id == "eve" and await rt.store.verify("eve") == []
        assert len(await rt.store.records(RecordFilter("eve", types=("agent.imported",)))) == 1
        await rt.change("eve", "start")
        runs = (await rt.runs(agent="eve")).items
        assert (await rt.wait(runs[0].run_id)).status == "done"
        assert not {run.run_id for run in runs} & {run.run_id for run in (await rt.runs(agent="ann")).items}
        assert (await rt.show_agent("ann")).mail == 1 and await rt.export_agent("ann") == data
        other = await rt.import_agent(data, mode="clone")
        assert other.id.startswith("ann-")


async def test_a_run_under_way_is_not_cloned(opened: Open) -> None:
    async with opened([[call("ask", question="Which?")], "ok"], store=MemoryStore()) as rt:
        await rt.run("clerk.yaml", "ask me", agent="ann")
        data = await rt.export_agent("ann")
        with pytest.raises(BundleConflict):
            await rt.import_agent(data, mode="clone")
    async with opened([[call("ask", question="Which?")], "ok"], store=MemoryStore()) as rt:
        await rt.import_agent(data)
        run = (await rt.runs(agent="ann")).items[0]
        await rt.approve(run.run_id, "that one")
        assert (await rt.wait(run.run_id)).output == "ok", "restored, it goes on"


async def test_schedules_are_cloned_under_ids_of_their_own(opened: Open) -> None:
    from perdure.agents.schedules import Schedule

    async with opened(["hi"], store=MemoryStore()) as rt:
        await rt.create("clerk.yaml", agent="ann")
        await rt.schedule("ann", Schedule(every=60_000))
        await rt.import_agent(await rt.export_agent("ann"), mode="clone", agent="eve")
        (mine,), (hers,) = await rt.schedules("ann"), await rt.schedules("eve")
        assert mine.id != hers.id and (mine.schedule, mine.due) == (hers.schedule, hers.due)
        await rt.unschedule("eve", hers.id)
        assert await rt.schedules("ann") == [mine]


async def test_merging_brings_what_is_not_there_and_names_what_cannot_be_both(opened: Open) -> None:
    data = await bundle(opened)
    async with opened(["hi", "the later one"], store=MemoryStore()) as rt:
        with pytest.raises(AgentNotFound):
            await rt.import_agent(data, mode="merge")
        await rt.run("clerk.yaml", "hello", agent="bob")
        await rt.change("bob", "stop")
        await rt.store.commit([PutValue("bob", "note:1", b"bread", 1)])
        said = await rt.import_agent(data, mode="merge", agent="bob")
        assert (said.id, said.conflicts) == ("bob", ("note:1",))
        kept = await rt.store.value("bob", "note:1")
        assert kept is not None and kept.data == b"bread"
        assert await rt.store.value("bob", "big") is not None and await rt.store.seen("bob", "s2")
        assert (await rt.show_agent("bob")).dead_letters == 1
        assert await rt.store.verify("bob") == []
        assert (await rt.import_agent(data, mode="merge", agent="bob")).conflicts == ("note:1",)
        assert (await rt.show_agent("bob")).mail == 1, "a message comes once"
        assert len((await rt.runs(agent="bob")).items) == 1
        await rt.change("bob", "start")


# -- what is not as it was --------------------------------------------------------------------------------------------


async def test_code_that_is_not_what_it_was_is_told(opened: Open, project: Path) -> None:
    data = await bundle(opened)
    tools = project / "tools.py"
    tools.write_text(tools.read_text().replace("is fine", "is as it was"))
    async with opened(store=MemoryStore()) as rt:
        assert (await rt.import_agent(data)).warnings == ("tool look is not what it was",)
    tools.unlink()
    async with opened(store=MemoryStore()) as rt:
        (warning,) = (await rt.import_agent(data)).warnings
        assert warning.startswith("its spec cannot be made ready here")


async def test_state_that_the_code_here_cannot_read_is_refused_unless_it_migrates(opened: Open, project: Path) -> None:
    spec = {"name": "counter", "class": "./counter.py:Counter"}

    def write(version: int, migrate: str = "") -> None:
        (project / "counter.py").write_text(COUNTER.format(version=version, migrate=migrate))

    write(2)
    async with opened(store=MemoryStore()) as rt:
        await rt.run(spec, "one", agent="ann")
        data = await rt.export_agent("ann")
    write(1)
    async with opened(store=MemoryStore()) as rt:
        with pytest.raises(IncompatibleBundle):
            await rt.import_agent(data)
        assert (await rt.agents()).items == []
    write(3, MIGRATE)
    async with opened(store=MemoryStore()) as rt:
        assert (await rt.import_agent(data)).state_version == 2
        assert (await rt.wait(await rt.send("ann", "two"))).output == 2


async def test_mounts_that_are_missing_are_told(opened: Open) -> None:
    from perdure.kernel.journal import encode
    from perdure.kernel.records import MountChanged
    from perdure.kernel.store.ops import Append

    async with opened(["hi"], store=MemoryStore()) as rt:
        await rt.run("clerk.yaml", "hello", agent="ann")
        event = MountChanged(path="/fs/papers", service="host", access="read_only")
        await rt.store.commit([Append("ann", (encode(event, agent_id="ann", run_id="", key="", at=1),))])
        data = await rt.export_agent("ann")
    async with opened(store=MemoryStore()) as rt:
        assert (await rt.import_agent(data)).warnings == ("nothing is mounted at /fs/papers",)


@pytest.mark.parametrize("name", ["runtime_api_version", "state_schema_version"])
async def test_what_a_later_version_wrote_is_refused(opened: Open, name: str) -> None:
    def later(content: bytes) -> bytes:
        manifest = msgspec.json.decode(content)
        manifest["versioning"][name] += 1
        return msgspec.json.encode(manifest)

    data = rewritten(await bundle(opened), manifest=later)
    await refused(opened, data, IncompatibleBundle, name)


# -- hostile files ----------------------------------------------------------------------------------------------------


async def refused(opened: Open, data: bytes, error: type[Exception], match: str) -> None:
    store = MemoryStore()
    async with opened(store=store) as rt:
        for mode in ("restore", "clone"):
            with pytest.raises(error, match=match):
                await rt.import_agent(data, mode=mode)  # type: ignore[arg-type]
        assert (await store.agents()).items == [] and await store.scopes_like("") is not None


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(target.getvalue())


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "a//b", "", ".", "..", "a\\b", "a/./b", "x" * 200, "a\nb"]
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InvalidBundle):
        open_archive(packed(member(name, b"x")))


@pytest.mark.parametrize("type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_only_plain_files_are_read(type: bytes) -> None:
    with pytest.raises(InvalidBundle, match="plain file"):
        open_archive(packed(member("state.msgpack", type=type, linkname="/etc/passwd")))


def test_a_file_is_there_once() -> None:
    with pytest.raises(InvalidBundle, match="twice"):
        open_archive(packed(member("a", b"1"), member("a", b"2")))


def test_little_that_unpacks_to_much_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 60_000
    with pytest.raises(BundleTooLarge):
        open_archive(bomb, limit=1_000_000)


async def test_every_way_of_cutting_a_bundle_short_is_noticed(opened: Open) -> None:
    data = await bundle(opened)
    for length in [*range(0, 40), *range(40, len(data), 97), len(data) - 1]:
        with pytest.raises(InvalidBundle):
            open_archive(data[:length])
    for junk in (data + b"x", data + data, b"", b"junk", gzip.compress(b"junk")):
        with pytest.raises(InvalidBundle):
            await _imported(opened, junk)


async def _imported(opened: Open, data: bytes) -> None:
    async with opened(store=MemoryStore()) as rt:
        await rt.import_agent(data)


async def test_every_changed_byte_is_noticed(opened: Open) -> None:
    files = open_archive(await bundle(opened))
    for name in files:
        if name == "manifest.json" or not files[name]:
            continue
        changed: Mapping[str, bytes] = {**files, name: files[name][:-1] + bytes([files[name][-1] ^ 1])}
        await refused(opened, pack_archive(changed), InvalidBundle, "is not what was exported")
    await refused(opened, pack_archive({**files, "more": b"x"}), InvalidBundle, "not in the manifest")
    del files["runs.jsonl"]
    await refused(opened, pack_archive(files), InvalidBundle, "is missing")


async def test_a_bundle_with_a_fitting_manifest_may_still_not_reach_beyond_its_agent(opened: Open) -> None:
    data = await bundle(opened)
    forged: dict[str, tuple[Any, str]] = {
        "journal": (lambda old: old.replace(b'"at":', b'"at":1', 1), "was changed"),
        "inbox": (lambda old: old.replace(b'"agent_id":"ann"', b'"agent_id":"bob"'), "agent 'bob'"),
        "timers": (b'{"agent_id":"ann","run_id":"run_of_bob","key":"k","due":1}\n', "no run in it"),
        "budget": (
            b'{"scopes":[{"id":"project:day","limit":9,"reserved":0,"spent":9,"period":0}],"reservations":[]}\n',
            "not the agent's own",
        ),
        "answers": (b'{"key":"bob:x:y","data":"","at":0,"expires_at":9}\n', "not the agent's own"),
        "agent": (lambda old: old.replace(b'"id":"ann"', b'"id":"../ann"'), "not an agent's id|one of agent"),
        "runs": (b"\xff\n", "runs.jsonl"),
    }
    for name, (content, reason) in forged.items():
        await refused(opened, rewritten(data, **{name: content}), InvalidBundle, reason)
