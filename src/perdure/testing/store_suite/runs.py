"""Agents and runs: their rows, lists and ends."""

from __future__ import annotations

import unittest
from typing import ClassVar

from perdure.base.codec import digest_bytes
from perdure.base.errors import AgentNotFound, KeyExists, VersionConflict
from perdure.kernel.store.ops import (
    Append,
    Claim,
    DeleteAgent,
    DeleteRun,
    MarkSeen,
    NoAgent,
    PutBlob,
    PutDeadLetter,
    PutRun,
    PutSpec,
    PutValue,
    Remember,
    Reserve,
    RunIs,
    ScopeLimit,
    SetTimer,
)
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import AgentRow, Counts, RecordFilter, RunFilter, RunRow, Timer

from .samples import OpenStore, agent, append, deliver, keys, opened, record, refused, run


async def _listed(store: Store, **filter: object) -> list[str]:
    page = await store.runs(RunFilter(**filter))  # type: ignore[arg-type]
    return [row.id for row in page.items]


class Runs:
    durable: ClassVar[bool] = True

    async def test_an_agent_keeps_owner_fence_and_chain_when_its_row_is_put_again(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(owner="w0", fence=3, head=b"nonsense", records=9)])
            row = await store.load_agent("a")
            assert row == AgentRow("a", "spec", 1, owner="w0", fence=3)
            await store.commit([Claim("a", "w1"), append("1")])
            await store.commit([agent(spec="other", owner="w9", fence=99, state=b"\x00state", state_version=2)])
            row = await store.load_agent("a")
            assert row is not None and row.head
            assert row == AgentRow(
                "a", "other", 1, owner="w1", fence=4, state=b"\x00state", state_version=2, head=row.head, records=1
            )
            assert await store.load_agent("b") is None

    async def test_what_there_is_is_counted(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            assert await store.counts() == Counts()
            await store.commit([agent(), agent("b"), run("r0"), run("r1")])
            await store.commit([run("r2", status="waiting"), run("r3", status="done"), deliver("e1")])
            await store.commit([SetTimer(Timer("a", "r2", "k", 5)), PutDeadLetter("a", "e9", "hops", 1, b"x")])
            assert await store.counts() == Counts(2, {"queued": 2, "waiting": 1}, 1, 1, 1)
            assert store.written.batches.sum >= 3 and store.written.syncs.count == store.written.batches.count

    async def test_no_agent_guards_against_making_one_twice(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent()], [NoAgent("a")])
            await refused(KeyExists, store.commit([agent(spec="other")], [NoAgent("a")]))
            row = await store.load_agent("a")
            assert row is not None and row.spec == "spec"

    async def test_agents_are_listed_by_id_in_pages(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(id) for id in ("c", "a", "é", "b")])
            first = await store.agents(limit=2)
            second = await store.agents(cursor=first.next, limit=2)
            assert [row.id for row in first.items + second.items] == ["a", "b", "c", "é"]
            assert second.next == ""

    async def test_a_run_comes_back_whole(self, open_store: OpenStore) -> None:
        row = RunRow(
            "r1",
            "a",
            "s",
            "e",
            "waiting",
            1,
            "approval",
            "p",
            "root",
            "to",
            "c",
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
            10,
            11,
            12,
            13,
            "x",
        )
        async with opened(open_store) as store:
            await store.commit([agent(), PutRun(row)])
            assert await store.load_run("r1") == row
            assert await store.load_run("r2") is None

    async def test_a_new_run_begins_at_its_first_record(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), run("empty")])
            await store.commit(
                [append("1", run_id="other"), run("r1"), append("2", run_id="x", agent_id="b"), append("3", "4")]
            )
            await store.commit([append("5", run_id="r2"), run("r2"), run("r3")])
            await store.commit([run("r1", status="done"), append("6")])
            first = {id: row.first_seq for id in ("empty", "r1", "r2", "r3") if (row := await store.load_run(id))}
            assert first == {"empty": 0, "r1": 3, "r2": 5, "r3": 5}

    async def test_where_a_run_begins_stays_as_it_was_first(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), run("empty")])
            await store.commit([append("1", run_id="other"), append("2"), run("r1")])
            store.commit([run("r1", status="waiting"), append("3")])  # in one transaction with the next
            await store.commit([run("r1", first_seq=1, status="done"), run("empty")])
            begun, empty = await store.load_run("r1"), await store.load_run("empty")
            assert begun is not None and (begun.first_seq, begun.status) == (2, "done")
            assert empty is not None and empty.first_seq == 3

    async def test_a_run_needs_its_agent(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await refused(AgentNotFound, store.commit([run("r1")]))
            assert await store.load_run("r1") is None

    async def test_runs_are_listed_newest_first_by_what_is_asked(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), run("r1"), run("r2", parent="r1", status="waiting")])
            await store.commit([run("r3", "b", status="done"), run("x4", parent="r1"), run("r1", status="failed")])
            await store.commit([PutRun(RunRow("r5", "b", "s", "e", "queued", 50))])
            assert await _listed(store) == ["r5", "x4", "r3", "r2", "r1"]
            assert await _listed(store, agent_id="b") == ["r5", "r3"]
            assert await _listed(store, agent_id="nobody") == []
            assert await _listed(store, status=("waiting", "queued")) == ["r5", "x4", "r2"]
            assert await _listed(store, status=("failed", "waiting")) == ["r2", "r1"]
            assert await _listed(store, parent="r1") == ["x4", "r2"]
            assert await _listed(store, id_prefix="r") == ["r5", "r3", "r2", "r1"]
            assert await _listed(store, since=2) == ["r5"]
            assert await _listed(store, agent_id="b", status=("done",), id_prefix="r3") == ["r3"]

    async def test_runs_are_counted_by_their_state(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), agent("b"), run("r1"), run("r2", status="done"), run("r3", "b")])
            await store.commit([run("r1", status="done"), run("r4", status="waiting")])
            assert await store.run_counts("a") == {"done": 2, "waiting": 1}
            assert await store.run_counts("nobody") == {}

    async def test_runs_are_listed_in_pages(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), *(run(f"r{n}") for n in range(5))])
            seen, cursor = [], ""
            while True:
                page = await store.runs(RunFilter(agent_id="a"), cursor=cursor, limit=2)
                seen.append([row.id for row in page.items])
                cursor = page.next
                if not cursor:
                    break
                await store.commit([run(f"later{len(seen)}")])
            assert seen == [["r4", "r3"], ["r2", "r1"], ["r0"]]

    async def test_the_first_run_of_an_envelope_is_found(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), run("other", "b", envelope_id="e")])
            await store.commit([run("r1", envelope_id="e"), run("fork", envelope_id="e")])
            found = await store.find_run("a", "e")
            assert found is not None and found.id == "r1"
            assert await store.find_run("a", "unknown") is None
            assert await store.find_run("nobody", "e") is None

    async def test_run_is_guards_the_state_of_a_run(self, open_store: OpenStore) -> None:
        guard = RunIs("r1", ("waiting", "paused"))
        async with opened(open_store) as store:
            await store.commit([agent()])
            assert (await refused(VersionConflict, store.commit([], [guard]))).facts["status"] is None
            await store.commit([run("r1", status="waiting")])
            await store.commit([run("r1", status="done")], [guard])
            assert (await refused(VersionConflict, store.commit([], [guard]))).facts["status"] == "done"

    async def test_a_deleted_run_leaves_only_links_of_the_chain(self, open_store: OpenStore) -> None:
        body = b"x" * 70_000
        digest = digest_bytes(body)
        async with opened(open_store) as store:
            await store.commit([agent(), append("0", run_id="r0"), run("r1"), append("1"), PutBlob(digest, body)])
            await store.commit([Append("a", (record("2", blob=digest),)), append("3", run_id="r0"), run("r0")])
            await store.commit([SetTimer(Timer("a", "r1", "t", 5)), SetTimer(Timer("a", "r0", "t", 6))])
            await store.commit([Reserve("res", "r1", 10, (ScopeLimit("s", None),))])
            await store.commit([DeleteRun("r1"), DeleteRun("unknown")])
            assert await store.load_run("r1") is None
            assert await store.records(RecordFilter(run_id="r1")) == []
            assert keys(await store.records(RecordFilter(agent_id="a"))) == ["0", "3"]
            assert await store.timers("a") == [Timer("a", "r0", "t", 6)]
            assert [row.reserved for row in await store.scopes(["s"])] == [0]
            assert await store.verify("a") == []
            await store.commit([append("4", run_id="r0")])
            assert await store.verify("a") == []
            assert (await store.gc())["blobs"] == 1

    async def test_a_deleted_agent_is_gone_with_all_that_it_had(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), run("r1"), append("1"), append("2", agent_id="b"), append("3")])
            await store.commit([deliver("e1"), deliver("e2", taken=True), PutDeadLetter("a", "e3", "expired", 1, b"")])
            await store.commit([SetTimer(Timer("a", "r1", "t", 5)), MarkSeen("a", ("x",))])
            await store.commit([Reserve("res", "r1", 10, (ScopeLimit("s", None),))])
            await store.commit([DeleteAgent("a"), DeleteAgent("nobody")])
            assert await store.load_agent("a") is None and await store.load_run("r1") is None
            assert keys(await store.records(RecordFilter())) == ["2"]
            assert await store.mail("a", 10) == [] and await store.dead_letters("a") == []
            assert await store.next_due() is None and await store.ready(0, 10) == []
            assert [row.reserved for row in await store.scopes(["s"])] == [0]
            assert await store.commit([agent("a"), deliver("e2")]) == [None, "delivered"]
            assert not await store.seen("a", "x")
            assert await store.commit([append("4")]) == [[4]], "a seq is never given twice"
            assert await store.verify("a") == []

    async def test_a_deletion_that_fails_with_its_commit_changes_nothing(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), append("1"), append("2", agent_id="b"), append("3")])
            await refused(AgentNotFound, store.commit([DeleteAgent("a"), append("4")]))
            assert keys(await store.records(RecordFilter())) == ["1", "2", "3"]
            assert await store.verify("a") == []

    async def test_garbage_is_what_nothing_names(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([PutSpec(digest, b"12345", 1) for digest in ("agents", "runs", "unused")])
            await store.commit([agent(spec="agents"), run("r1", spec="runs")])
            await store.commit([PutBlob("used", b"123"), PutBlob("unused", b"1234567")])
            await store.commit([Append("a", (record("k", blob="used"),))])
            assert await store.gc() == {"blobs": 1, "specs": 1, "answers": 0, "bytes": 12}
            assert await store.gc() == {"blobs": 0, "specs": 0, "answers": 0, "bytes": 0}
            assert await store.blob("used") and await store.spec("agents") and await store.spec("runs")
            assert not await store.blob("unused") and not await store.spec("unused")

    async def test_everything_is_there_after_opening_again(self, open_store: OpenStore) -> None:
        if not self.durable:
            raise unittest.SkipTest("this store does not outlive its closing")
        async with opened(open_store) as store:
            await store.commit([agent(), run("r1"), append("1", "2"), deliver("e1"), Claim("a", "w1")])
            await store.commit([SetTimer(Timer("a", "r1", "t", 5)), MarkSeen("a", ("x",)), deliver("e0", taken=True)])
            await store.commit([PutValue("a", "k", b"\x00\xff", 1), Remember("asked", b"answer", 1, 9)])
            before = (await store.load_agent("a"), await store.load_run("r1"), await store.records(RecordFilter()))
        async with opened(open_store) as store:
            assert (
                await store.load_agent("a"),
                await store.load_run("r1"),
                await store.records(RecordFilter()),
            ) == before
            assert [mail.envelope_id for mail in await store.mail("a", 9)] == ["e1"]
            assert await store.timers("a") == [Timer("a", "r1", "t", 5)] and await store.seen("a", "x")
            kept = await store.value("a", "k")
            assert kept is not None and kept.data == b"\x00\xff"
            assert await store.remembered("asked", 8) == b"answer"
            assert await store.commit([deliver("e0"), append("3")]) == ["duplicate", [3]]
            assert await store.verify("a") == []
