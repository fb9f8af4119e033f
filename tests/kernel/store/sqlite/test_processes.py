"""Several processes on one file, and processes that are killed at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import Fenced, Held
from perdure.kernel.records import Record
from perdure.kernel.store.ops import Append, Claim, Claimable, HasFence, Heartbeat, PutAgent
from perdure.kernel.store.rows import AgentRow, RecordFilter, WorkerRow
from perdure.kernel.store.sqlite import SqliteStore

WRITE_AND_TELL = """
async def work(store, agent_id):
    for n in range(10_000):
        (_, (seq,)) = await store.commit([PutAgent(AgentRow(agent_id, "spec", 1)), append(agent_id, str(n))])
        say(seq, agent_id, n)

async def main():
    store = SqliteStore.open(path)
    await asyncio.gather(*(work(store, f"a{n}") for n in range(16)))

asyncio.run(main())
"""


def append(agent_id: str, key: str) -> Append:
    return Append(agent_id, (Record(agent_id, "r", key, "effect.done", 1, b""),))


@pytest.mark.parametrize("lines", [1, 100, 777, 2_000])
async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, start: Callable[..., Any], lines: int) -> None:
    child = start(WRITE_AND_TELL)
    told = [child.hear() for _ in range(lines)]
    child.kill()
    told += [line for line in child.hear_all() if line.count(" ") == 2]
    store = SqliteStore.open(tmp_path / "store.db")
    records = {record.seq: record for record in await store.records(RecordFilter(), limit=1_000_000)}
    for line in told:
        seq, agent_id, key = line.split()
        assert (records[int(seq)].agent_id, records[int(seq)].key) == (agent_id, key)
    assert sorted(records) == list(range(1, len(records) + 1))
    for n in range(16):
        if await store.load_agent(f"a{n}"):
            assert await store.verify(f"a{n}") == []
    await store.close()


@pytest.mark.parametrize(("point", "kept"), [("store.before_commit", ["0"]), ("store.after_commit", ["0", "1"])])
async def test_a_commit_is_whole_or_not_there(
    tmp_path: Path, start: Callable[..., Any], point: str, kept: list[str]
) -> None:
    child = start(
        f"""
        import signal
        points = []
        def probe(point):
            points.append(point)
            if points.count({point!r}) == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        async def main():
            store = SqliteStore.open(path, probe=probe)
            await store.commit([PutAgent(AgentRow("a", "spec", 1)), append("a", "0")])
            say("first")
            await store.commit([append("a", "1")])
            say("second")
        asyncio.run(main())
        """
    )
    assert child.hear_all() == ["first"]
    assert child.end() == -9
    store = SqliteStore.open(tmp_path / "store.db")
    assert [record.key for record in await store.records(RecordFilter())] == kept
    assert await store.verify("a") == []
    await store.close()


async def test_processes_that_make_and_write_one_file_at_once(tmp_path: Path, start: Callable[..., Any]) -> None:
    script = """
    from perdure.base.errors import BudgetExceeded
    scopes = (ScopeLimit("project", 1_000),)
    say("ready")
    sys.stdin.readline()

    async def spend(store, n):
        try:
            await store.commit([Reserve(f"{name}-{n}", "r", 100, scopes)], [WithinBudget(100, scopes)])
        except BudgetExceeded:
            return
        await store.commit([Settle(f"{name}-{n}", 90)])
        say("spent", 90)

    async def main():
        store = SqliteStore.open(path)
        await store.commit([PutAgent(AgentRow(name, "spec", 1)), PutAgent(AgentRow("shared", "spec", 1))])
        for n in range(40):
            results = await store.commit([append(name, str(n)), append("shared", f"{name}-{n}")])
            await spend(store, n)
            say("seqs", *results[0], *results[1])
        await store.close()

    asyncio.run(main())
    """
    children = [start(script, name) for name in ("one", "two", "three")]
    for child in children:
        assert child.hear() == "ready"
    for child in children:
        child.tell()
    lines = [line.split() for child in children for line in child.hear_all()]
    assert [child.end() for child in children] == [0, 0, 0]
    seqs = [int(seq) for line in lines if line[0] == "seqs" for seq in line[1:]]
    assert sorted(seqs) == list(range(1, 241))
    store = SqliteStore.open(tmp_path / "store.db")
    for id, count in (("one", 40), ("two", 40), ("three", 40), ("shared", 120)):
        assert await store.verify(id) == []
        assert len(await store.records(RecordFilter(agent_id=id))) == count
    (project,) = await store.scopes(["project"])
    assert (project.spent, project.reserved) == (sum(int(line[1]) for line in lines if line[0] == "spent"), 0)
    assert project.spent <= 1_000
    await store.close()


async def test_a_late_writer_in_another_process_is_fenced(tmp_path: Path) -> None:
    """Two stores on one file know no more of each other than two processes do."""
    late, live = (SqliteStore.open(tmp_path / "store.db") for _ in range(2))
    await late.commit([PutAgent(AgentRow("a", "spec", 1)), Heartbeat(WorkerRow("w1", 100)), Claim("a", "w1")])
    await late.commit([append("a", "1")], [HasFence("a", "w1", 1)])
    with pytest.raises(Held):
        await live.commit([Claim("a", "w2")], [Claimable("a", "w2", 100)])
    assert await live.commit([Claim("a", "w2")], [Claimable("a", "w2", 101)]) == [2]
    assert await live.commit([append("a", "2")], [HasFence("a", "w2", 2)]) == [[2]]
    with pytest.raises(Fenced):
        await late.commit([append("a", "late")], [HasFence("a", "w1", 1)])
    assert await late.commit([append("a", "3")], [HasFence("a", "w2", 2)]) == [[3]]
    assert await live.verify("a") == []
    await late.close()
    await live.close()


async def test_changed_tells_that_another_process_has_committed(tmp_path: Path) -> None:
    ours, theirs = (SqliteStore.open(tmp_path / "store.db") for _ in range(2))
    await ours.commit([])
    before = ours.changed()
    await ours.commit([PutAgent(AgentRow("a", "spec", 1))])
    assert ours.changed() == before
    await theirs.commit([PutAgent(AgentRow("b", "spec", 1))])
    await ours.commit([])
    assert ours.changed() != before
    await asyncio.gather(ours.close(), theirs.close())
