"""Snapshots: an agent goes from one store to another, or is cloned, with all that it has."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.base.codec import digest_bytes
from perdure.base.errors import AgentNotFound, InputError, KeyExists
from perdure.kernel.records import Record
from perdure.kernel.store.memory import MemoryStore
from perdure.kernel.store.ops import (
    Append,
    Claim,
    DeleteAgent,
    DeleteRun,
    MarkSeen,
    NoAgent,
    PutBlob,
    PutDeadLetter,
    PutSpec,
    PutValue,
    Reserve,
    Restore,
    ScopeLimit,
    SetTimer,
    Settle,
)
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import RecordFilter, Timer
from perdure.kernel.store.snapshot import Snapshot, renamed

from .samples import OpenStore, agent, append, deliver, keys, opened, record, refused, run

BODY = b"x" * 70_000
SCOPES = (ScopeLimit("agent:a:day", 100, 3), ScopeLimit("project:day", 500, 3))


async def _live(store: Store, owner: str = "") -> None:
    """Give agent `a` something of everything, between other agents' records."""
    blob = digest_bytes(BODY)
    await store.commit([PutSpec("spec", b"{}", 1), PutSpec("old", b"[]", 1), agent("b"), append("0", agent_id="b")])
    await store.commit([agent("a", state=b"\x01", active_run="r3"), run("r1", spec="old"), append("1", "2")])
    await store.commit([append("0", agent_id="b"), run("r2"), append("3", run_id="r2"), append("", run_id="")])
    await store.commit([PutBlob(blob, BODY), Append("a", (record("4", "r3", blob=blob),)), DeleteRun("r2")])
    ((_, checkpoint),) = await store.commit([append("5", "6", run_id="r3")])
    await store.commit([run("r3", status="waiting", first_seq=7, checkpoint_seq=checkpoint), run("r4")])
    await store.commit([deliver("e1", taken=True), deliver("e2"), deliver("e3", priority=1), deliver("e0", taken=True)])
    await store.commit([PutDeadLetter("a", id, "expired", 1, b"dead") for id in ("d2", "d1")])
    await store.commit([SetTimer(Timer("a", "r3", "t", 5)), MarkSeen("a", ("s2", "s1")), PutValue("a", "k", b"v", 3)])
    await store.commit([Reserve("res0", "r1", 30, SCOPES), Settle("res0", 20), Reserve("res", "r3", 10, SCOPES)])
    if owner:
        await store.commit([Claim("a", owner)])


class Snapshots:
    async def test_an_agent_goes_to_another_store_as_it_is(self, open_store: OpenStore) -> None:
        other = MemoryStore()
        async with opened(open_store) as store:
            for source, target in ((store, other), (other, store)):
                if source is store:
                    await _live(source, owner="w1")
                taken = await source.snapshot("a")
                await target.commit([DeleteAgent("a")])
                assert await target.commit([Restore(taken)], [NoAgent("a")]) == [None]
                assert await target.snapshot("a") == taken
                row, before = await target.load_agent("a"), await source.load_agent("a")
                assert row is not None and before is not None and row == replace(before, owner="")
                assert await target.verify("a") == []
            assert await store.commit([append("7", run_id="r3"), append("1", agent_id="b")]) == [[17], [18]]
            assert await store.verify("a") == await store.verify("b") == []

    async def test_a_snapshot_holds_all_that_there_is(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _live(store, owner="w1")
            taken = await store.snapshot("a")
        assert (taken.agent.owner, taken.agent.fence, taken.agent.records) == ("", 1, 7)
        assert taken.specs == {"spec": b"{}", "old": b"[]"}
        assert [(one.seq, one.key, one.run_id, one.erased) for one in taken.records] == [
            (1, "1", "r1", False),
            (2, "2", "r1", False),
            (3, "3", "r2", True),
            (4, "", "", False),
            (5, "4", "r3", False),
            (6, "5", "r3", False),
            (7, "6", "r3", False),
        ]
        assert taken.records[4].payload == BODY
        assert [(one.id, one.first_seq, one.checkpoint_seq) for one in taken.runs] == [
            ("r1", 1, 0),
            ("r3", 5, 7),
            ("r4", 7, 0),
        ]
        assert [(one.seq, one.envelope_id) for one in taken.mail] == [(1, "e2"), (2, "e3")]
        assert (taken.known, taken.seen) == (("e1", "e0"), ("s2", "s1"))
        assert [letter.envelope_id for letter in taken.dead_letters] == ["d2", "d1"]
        assert [timer.key for timer in taken.timers] == ["t"] and [value.data for value in taken.values] == [b"v"]
        assert [(one.id, one.amount) for one in taken.reservations] == [("res", 10)]

    async def test_what_is_restored_is_in_place(self, open_store: OpenStore) -> None:
        source = MemoryStore()
        await _live(source)
        taken = await source.snapshot("a")
        async with opened(open_store) as store:
            await store.commit([agent("c"), append("1", "2", agent_id="c"), Restore(taken), append("7", run_id="r3")])
            assert keys(await store.records(RecordFilter(run_id="r1"))) == ["1", "2"]
            assert keys(await store.records(RecordFilter(run_id="r3"))) == ["4", "5", "6", "7"]
            run3, run4 = await store.load_run("r3"), await store.load_run("r4")
            assert run3 is not None and (run3.first_seq, run3.checkpoint_seq, run3.status) == (7, 9, "waiting")
            assert run4 is not None and run4.first_seq == 9
            assert [mail.envelope_id for mail in await store.mail("a", 9)] == ["e3", "e2"]
            assert await store.commit([deliver("e1"), deliver("e2")]) == ["duplicate", "duplicate"]
            assert await store.seen("a", "s1") and await store.next_due() == 5
            assert await store.spec("old") == b"[]"
            assert await store.verify("a") == []

    async def test_money_comes_back_with_the_agent(self, open_store: OpenStore) -> None:
        source = MemoryStore()
        await _live(source)
        taken = replace(await source.snapshot("a"), scopes=tuple(await source.scopes(["agent:a:day"])))
        async with opened(open_store) as store:
            other = (ScopeLimit("project:day", 900, 3),)
            await store.commit([agent("c"), run("rc", "c"), Reserve("res_c", "rc", 7, other), Restore(taken)])
            day, project = await store.scopes(["agent:a:day", "project:day"])
            assert (day.limit, day.reserved, day.spent, day.period) == (100, 10, 20, 3)
            assert (project.limit, project.reserved, project.spent) == (900, 17, 0)
            await store.commit([Settle("res", 4)])
            day, project = await store.scopes(["agent:a:day", "project:day"])
            assert (day.reserved, day.spent, project.reserved, project.spent) == (0, 24, 7, 4)

    async def test_money_of_a_period_that_is_over_does_not_come_back(self, open_store: OpenStore) -> None:
        source = MemoryStore()
        await _live(source)
        taken = await source.snapshot("a")
        async with opened(open_store) as store:
            later = (ScopeLimit("project:day", 900, 4),)
            await store.commit([agent("c"), run("rc", "c"), Reserve("res_c", "rc", 7, later), Restore(taken)])
            ((settled,),) = await store.commit([Settle("res", 4)])
            assert settled.id == "agent:a:day"
            day, project = await store.scopes(["agent:a:day", "project:day"])
            assert (day.reserved, day.spent, project.reserved, project.spent) == (0, 4, 7, 0)

    async def test_a_clone_has_a_chain_of_its_own(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _live(store)
            ids = {"r1": "c1", "r3": "c3", "r4": "c4"}
            clone = renamed(await store.snapshot("a"), "clone", ids)
            await store.commit([Restore(clone), append("from a", run_id="", agent_id="clone")], [NoAgent("clone")])
            assert await store.verify("clone") == await store.verify("a") == []
            original, copy = await store.load_agent("a"), await store.load_agent("clone")
            assert original is not None and copy is not None
            assert copy.head != original.head and copy.records == original.records + 1 and copy.active_run == "c3"
            assert keys(await store.records(RecordFilter(run_id="c3"))) == ["4", "5", "6"]
            assert keys(await store.records(RecordFilter(run_id="r3"))) == ["4", "5", "6"]
            assert await store.timers("clone") == [Timer("clone", "c3", "t", 5)]
            assert [row.reserved for row in await store.scopes(["agent:a:day"])] == [10]
            await store.commit([DeleteAgent("clone")])
            assert [row.reserved for row in await store.scopes(["agent:a:day"])] == [10]
            assert keys(await store.records(RecordFilter(agent_id="a"))) == ["1", "2", "", "4", "5", "6"]

    async def test_nothing_that_is_there_is_replaced(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await _live(store)
            taken = await store.snapshot("a")
            at_rest = replace(taken, timers=())
            assert (await refused(KeyExists, store.commit([Restore(taken)]))).facts == {"agent_id": "a"}
            stolen = store.commit([Restore(renamed(at_rest, "clone", {"r1": "c1", "r4": "c4"}))])
            assert (await refused(KeyExists, stolen)).facts == {"run_id": "r3"}
            stolen = store.commit([append("7"), Restore(replace(renamed(taken, "clone", {}), runs=()))])
            assert (await refused(KeyExists, stolen)).facts == {"run_id": "r3", "key": "t"}
            assert await store.load_agent("clone") is None and await store.snapshot("a") == taken

    async def test_a_snapshot_that_was_changed_is_refused(self, open_store: OpenStore) -> None:
        source = MemoryStore()
        await _live(source)
        taken = await source.snapshot("a")
        first, *_, last = taken.records
        erased, large = taken.records[2], taken.records[4]
        forged = {
            "record 1 (effect.done) was changed": _with(taken, replace(first, data=b"forged")),
            "record 4 (effect.done) was changed": _with(taken, replace(erased, hash=b"\x00" * 16)),
            "its hash is missing": _with(taken, replace(erased, hash=b"")),
            "names a blob, which is missing": _with(taken, replace(large, payload=None)),
            "has another blob": _with(taken, replace(large, payload=b"forged")),
            "is one of agent 'b'": _with(taken, replace(last, agent_id="b")),
            "is numbered 9": _with(taken, replace(last, seq=9)),
            "the last record is not the one": replace(taken, records=taken.records[:-1]),
        }
        async with opened(open_store) as store:
            for reason, snapshot in forged.items():
                error = await refused(InputError, store.commit([agent("c"), Restore(snapshot)]))
                assert reason in error.message, error.message
            assert await store.load_agent("a") is None and await store.load_agent("c") is None
            await store.commit([Restore(taken)])

    async def test_only_an_agent_that_is_there_has_a_snapshot(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a")])
            taken = await store.snapshot("a")
            assert taken.records == () and taken.specs == {}
            await store.commit([DeleteAgent("a"), Restore(taken)])
            assert await store.snapshot("a") == taken and await store.verify("a") == []
            try:
                await store.snapshot("nobody")
            except AgentNotFound:
                return
        raise AssertionError("AgentNotFound was not raised")


def _with(snapshot: Snapshot, changed: Record) -> Snapshot:
    """The snapshot with this record in place of the one with its number, or of the last."""
    place = min(changed.seq, len(snapshot.records)) - 1
    records = list(snapshot.records)
    records[place] = changed
    return replace(snapshot, records=tuple(records))
