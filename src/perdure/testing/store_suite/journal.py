"""Records: order, filters, blobs, and all or nothing."""

from __future__ import annotations

from msgspec.structs import replace

from perdure.base.codec import digest_bytes
from perdure.base.errors import AgentNotFound, InputError, KeyExists, StoreClosed
from perdure.kernel.chain import START, link
from perdure.kernel.records import Record
from perdure.kernel.store.ops import Append, NoKey, PutBlob, PutSpec
from perdure.kernel.store.rows import RecordFilter

from .samples import OpenStore, agent, append, keys, opened, record, refused, run

ALL = RecordFilter()


class Journal:
    async def test_records_come_back_in_the_order_in_which_they_were_committed(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            first = store.commit([agent("a"), agent("b"), append("1", "2")])
            second = store.commit([append("3", agent_id="b"), append("4")])
            assert [(await first)[2], await second] == [[1, 2], [[3], [4]]]
            assert keys(await store.records(ALL)) == ["1", "2", "3", "4"]
            assert keys(await store.records(RecordFilter(agent_id="a"))) == ["1", "2", "4"]
            assert await store.records(RecordFilter(agent_id="nobody")) == []

    async def test_a_record_comes_back_as_it_was_with_its_place(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            written = Record("a", "run_0123456789abcdef0123456789abcdef", "k#1", "effect.done", 99, b"\x00\xff")
            await store.commit([agent(), Append("a", (written, record("", "")))])
            first, second = await store.records(ALL)
            head = link(START, written)
            assert first == replace(written, seq=1, hash=head)
            assert second.run_id == "" and second.hash == link(head, record("", ""))
            row = await store.load_agent("a")
            assert row is not None and (row.head, row.records) == (second.hash, 2)

    async def test_records_can_be_asked_for_by_run_type_and_place(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), append("0", run_id="r0")])
            await store.commit([run("r1"), append("1", "2", "3"), append("4", type="run.finished")])
            await store.commit([run("r2"), append("5", run_id="r2")])
            of_run = RecordFilter(run_id="r1")
            assert keys(await store.records(of_run)) == ["1", "2", "3", "4"]
            assert keys(await store.records(of_run, limit=2)) == ["1", "2"]
            assert keys(await store.records(of_run, limit=2, order="newest")) == ["4", "3"]
            assert keys(await store.records(of_run, after=2, before=5)) == ["2", "3"]
            assert keys(await store.records(ALL, after=3, before=6, order="newest")) == ["4", "3"]
            assert keys(await store.records(ALL, after=5)) == ["5"]
            assert keys(await store.records(RecordFilter(run_id="r1", agent_id="a", types=("run.finished",)))) == ["4"]
            assert keys(await store.records(RecordFilter(types=("run.finished", "other")))) == ["4"]
            assert await store.records(RecordFilter(run_id="r1", agent_id="b")) == []
            assert await store.records(RecordFilter(run_id="unknown")) == []
            assert await store.records(ALL, limit=0) == []

    async def test_what_happens_to_an_agent_outside_of_its_runs_can_be_tailed(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), append("created", run_id="", type="agent.changed")])
            await store.commit(
                [run("r1"), append("1"), append("mounted", run_id="", type="mount.changed"), append("2")]
            )
            await store.commit([append("other", run_id="", agent_id="b", type="agent.changed")])
            assert keys(await store.records(RecordFilter(agent_id="a"))) == ["created", "1", "mounted", "2"]
            assert keys(await store.records(RecordFilter(run_id="r1"))) == ["1", "2"]
            own = RecordFilter(agent_id="a", types=("agent.changed", "mount.changed"))
            assert keys(await store.records(own)) == ["created", "mounted"]
            assert keys(await store.records(own, after=1)) == ["mounted"]
            assert keys(await store.records(RecordFilter(types=("agent.changed",)))) == ["created", "other"]
            assert await store.verify("a") == []

    async def test_ids_of_any_form_are_kept_as_they_are(self, open_store: OpenStore) -> None:
        odd = ["run_" + "A" * 32, "run_" + "zz" * 16, "run_" + " 0" * 16, "run_" + "ab" * 16, "né", "run_"]
        async with opened(open_store) as store:
            for id in odd:
                await store.commit([agent(), run(id), append("k", run_id=id)])
                assert [one.run_id for one in await store.records(RecordFilter(run_id=id))] == [id]

    async def test_a_large_body_is_a_blob_and_read_back_with_its_record(self, open_store: OpenStore) -> None:
        body = b"x" * 100_000
        digest = digest_bytes(body)
        async with opened(open_store) as store:
            await store.commit([agent(), PutBlob(digest, body), Append("a", (record("k", blob=digest),))])
            await store.commit([PutBlob(digest, body)])
            (found,) = await store.records(ALL)
            assert (found.blob, found.payload) == (digest, body)
            assert await store.blob(digest) == body
            assert await store.blob("none") is None

    async def test_a_spec_is_kept_by_its_digest(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([PutSpec("d", b"one", 1), PutSpec("d", b"another", 2)])
            assert await store.spec("d") == b"one"
            assert await store.spec("none") is None

    async def test_a_commit_for_an_agent_that_is_not_there_writes_nothing(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), append("1")])
            error = await refused(AgentNotFound, store.commit([append("2"), append("x", agent_id="b"), agent("b")]))
            assert error.facts == {"agent_id": "b"}
            assert keys(await store.records(ALL)) == ["1"]
            assert await store.commit([append("2")]) == [[2]]
            assert await store.verify("a") == []

    async def test_a_value_that_cannot_be_stored_fails_its_own_commit(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b")])
            before = store.commit([append("1")])
            surrogate = store.commit([append("2"), append("\ud800")])
            stranger = store.commit([append("3"), Append("a", (record("x", agent_id="b"),))])
            after = store.commit([append("4")])
            await refused(InputError, surrogate)
            await refused(InputError, stranger)
            assert [await before, await after] == [[[1]], [[2]]]
            assert keys(await store.records(ALL)) == ["1", "4"]
            assert await store.verify("a") == []

    async def test_no_key_guards_against_recording_something_twice(self, open_store: OpenStore) -> None:
        guard = NoKey("r1", "k", "effect.resolved")
        async with opened(open_store) as store:
            await store.commit([agent(), append("k", type="effect.resolved")], [guard])
            await store.commit([run("r1"), append("k")], [guard])
            await store.commit([append("k", type="effect.resolved")], [guard])
            error = await refused(KeyExists, store.commit([append("k", type="effect.resolved")], [guard]))
            assert error.facts == {"run_id": "r1", "key": "k", "type": "effect.resolved"}

    async def test_a_closed_store_says_so(self, open_store: OpenStore) -> None:
        store = open_store()
        last = store.commit([agent("a")])
        await store.close()
        await store.close()
        assert await last == [None]
        for attempt in (lambda: store.commit([agent("b")]), store.changed):
            try:
                attempt()
            except StoreClosed:
                continue
            raise AssertionError("StoreClosed was not raised")
