"""A snapshot can be written, read, and given to another agent."""

from __future__ import annotations

import msgspec

from perdure.base.codec import pack, unpack_as
from perdure.kernel.records import Record
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import Append, PutAgent, PutRun, PutSpec, PutValue, Restore
from perdure.kernel.store.rows import AgentRow, RunRow
from perdure.kernel.store.snapshot import Snapshot, renamed


async def _taken() -> Snapshot:
    store = MemoryStore()
    await store.commit([PutAgent(AgentRow("b", "spec", 1)), Append("b", (Record("b", "r", "", "x", 1, b""),))])
    await store.commit([PutSpec("spec", b"{}", 1), PutAgent(AgentRow("a", "spec", 1, state=b"\x01", active_run="r2"))])
    await store.commit([Append("a", (Record("a", "r1", "k", "x", 1, b"\xff"),)), PutValue("a", "note", b"\x00", 2)])
    await store.commit([PutRun(RunRow("r1", "a", "spec", "e1", "done", 1, root="r1"))])
    await store.commit([PutRun(RunRow("r2", "a", "spec", "e2", "queued", 2, parent="r1", root="r1"))])
    await store.commit([PutRun(RunRow("r3", "a", "spec", "e3", "done", 3, parent="other", root="other"))])
    return await store.snapshot("a")


async def test_a_snapshot_written_and_read_is_the_same_and_so_is_one_of_what_it_restores() -> None:
    taken = await _taken()
    written = pack(taken)
    assert unpack_as(written, Snapshot) == taken
    assert msgspec.json.decode(msgspec.json.encode(taken), type=Snapshot) == taken
    store = MemoryStore()
    await store.commit([Restore(unpack_as(written, Snapshot))])
    assert pack(await store.snapshot("a")) == written


async def test_a_clone_keeps_the_family_of_its_runs_and_leaves_others() -> None:
    clone = renamed(await _taken(), "clone", {"r1": "c1", "r2": "c2", "r3": "c3"})
    assert [(run.id, run.agent_id, run.parent, run.root) for run in clone.runs] == [
        ("c1", "clone", "", "c1"),
        ("c2", "clone", "c1", "c1"),
        ("c3", "clone", "", "c3"),
    ]
    assert (clone.agent.active_run, clone.agent.state, clone.agent.head) == ("c2", b"\x01", b"")
    assert [(one.agent_id, one.run_id, one.hash) for one in clone.records] == [("clone", "c1", b"")]
