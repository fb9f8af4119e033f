"""Mail: order, duplicates, overflow, dead letters, and ids that are remembered."""

from __future__ import annotations

from perdure.base.errors import AgentNotFound, InboxFull, KeyExists
from perdure.kernel.store.ops import (
    DEAD_LETTERS_KEPT,
    ENVELOPES_KNOWN,
    Acknowledge,
    DropDeadLetter,
    MarkSeen,
    NewEnvelope,
    PutDeadLetter,
)
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import DeadLetter, Mail

from .samples import OpenStore, agent, append, deliver, opened, refused


async def _waiting(store: Store, agent_id: str = "a") -> list[str]:
    return [mail.envelope_id for mail in await store.mail(agent_id, 10_000)]


class Inbox:
    async def test_mail_waits_by_priority_then_in_order_of_arrival(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), deliver("e1"), deliver("e2", priority=10), deliver("e3")])
            await store.commit([deliver("e4", priority=10, expires_at=99, run_id="r1"), deliver("e1", "b")])
            assert await _waiting(store) == ["e2", "e4", "e1", "e3"]
            assert await _waiting(store, "b") == ["e1"]
            assert await _waiting(store, "nobody") == []
            assert [await store.mail_count(id) for id in ("a", "b", "nobody")] == [4, 1, 0]
            second = (await store.mail("a", 2))[1]
            assert second == Mail(second.seq, "a", "e4", "message", "r1", 10, 99, b"data of e4")

    async def test_an_envelope_is_delivered_once(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            assert await store.commit([agent(), deliver("e1"), deliver("e1")]) == [None, "delivered", "duplicate"]
            await store.commit([Acknowledge("a", ("e1", "unknown")), Acknowledge("nobody", ("e1",))])
            assert await _waiting(store) == []
            assert await store.commit([deliver("e1"), deliver("unknown")]) == ["duplicate", "delivered"]
            assert await store.commit([deliver("e2", taken=True), deliver("e2")]) == ["delivered", "duplicate"]
            assert await _waiting(store) == ["unknown"]
            await refused(AgentNotFound, store.commit([deliver("e1", "nobody")]))

    async def test_new_envelope_guards_against_taking_one_twice(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), deliver("e1")], [NewEnvelope("a", "e1"), NewEnvelope("nobody", "e1")])
            for _ in ("waiting", "acknowledged"):
                error = await refused(KeyExists, store.commit([], [NewEnvelope("a", "e1")]))
                assert error.facts == {"agent_id": "a", "envelope_id": "e1"}
                await store.commit([Acknowledge("a", ("e1",))])

    async def test_the_last_acknowledged_envelopes_are_known(self, open_store: OpenStore) -> None:
        ids = [f"e{n}" for n in range(ENVELOPES_KNOWN + 1)]
        async with opened(open_store) as store:
            await store.commit([agent(), *(deliver(id) for id in ids)])
            await store.commit([Acknowledge("a", tuple(ids))])
            assert await store.commit([deliver("e0"), deliver("e1")]) == ["delivered", "duplicate"]

    async def test_a_full_inbox_rejects(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), deliver("e1", capacity=2, policy="reject_new")])
            await store.commit([deliver("e2", capacity=2, policy="reject_new")])
            rejected = store.commit([append("k"), deliver("e3", capacity=2, policy="reject_new")])
            error = await refused(InboxFull, rejected)
            assert error.retryable and error.facts == {"agent_id": "a", "capacity": 2}
            assert await _waiting(store) == ["e1", "e2"]
            row = await store.load_agent("a")
            assert row is not None and row.records == 0
            await store.commit([Acknowledge("a", ("e1",)), deliver("e3", capacity=2, policy="reject_new")])
            assert await _waiting(store) == ["e2", "e3"]

    async def test_a_full_inbox_drops_the_oldest(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), deliver("e1"), deliver("e2", priority=1)])
            more = deliver("e3", capacity=2, policy="drop_oldest")
            assert await store.commit([more]) == ["dropped_oldest"]
            assert await _waiting(store) == ["e2", "e3"]
            assert await store.dead_letters("a") == [DeadLetter("a", "e1", "overflow", 7, b"data of e1")]
            assert await store.commit([deliver("e1")]) == ["delivered"], "what was dropped may come again"

    async def test_a_full_inbox_sends_to_the_dead_letters(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), deliver("e1")])
            assert await store.commit([deliver("e2", capacity=1)]) == ["dead_lettered"]
            assert await _waiting(store) == ["e1"]
            assert await store.dead_letters("a") == [DeadLetter("a", "e2", "overflow", 7, b"data of e2")]

    async def test_answers_to_a_run_take_no_room_and_are_never_dropped(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), deliver("answer", run_id="r1")])
            full = [deliver(id, capacity=1, policy="drop_oldest") for id in ("e1", "e2")]
            assert await store.commit(full) == ["delivered", "dropped_oldest"]
            assert await store.commit([deliver("late", run_id="r1", capacity=1)]) == ["delivered"]
            assert await _waiting(store) == ["answer", "e2", "late"]

    async def test_dead_letters_are_listed_newest_first(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), *(PutDeadLetter("a", id, "expired", 1, b"old") for id in ("e1", "e2", "e3"))])
            await store.commit([PutDeadLetter("a", "e1", "expired", 2, b"new"), DropDeadLetter("a", "e3")])
            await store.commit([DropDeadLetter("nobody", "e1")])
            letters = await store.dead_letters("a")
            assert [(letter.envelope_id, letter.data) for letter in letters] == [("e1", b"new"), ("e2", b"old")]
            assert len(await store.dead_letters("a", limit=1)) == 1
            assert await store.dead_letter("a", "e1") == letters[0]
            assert await store.dead_letter("a", "e3") is None and await store.dead_letter("nobody", "e1") is None
            assert [await store.dead_letter_count(id) for id in ("a", "nobody")] == [2, 0]
            await refused(AgentNotFound, store.commit([PutDeadLetter("nobody", "e1", "expired", 1, b"")]))

    async def test_dead_letters_are_bounded(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent(), PutDeadLetter("a", "first", "expired", 1, b"")])
            again = [PutDeadLetter("a", "again", "expired", 1, b"")] * (DEAD_LETTERS_KEPT - 1)
            await store.commit(again)
            assert [letter.envelope_id for letter in await store.dead_letters("a")] == ["again", "first"]
            await store.commit(again[:1])
            assert [letter.envelope_id for letter in await store.dead_letters("a")] == ["again"]

    async def test_the_last_ids_marked_are_seen(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent("a"), agent("b"), MarkSeen("a", ("1", "2", "3"), keep=3)])
            await store.commit([MarkSeen("a", ("1", "4"), keep=3)])
            assert [await store.seen("a", id) for id in "1234"] == [True, False, True, True]
            assert not await store.seen("b", "1") and not await store.seen("nobody", "1")
            await refused(AgentNotFound, store.commit([MarkSeen("nobody", ("1",))]))
