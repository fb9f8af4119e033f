"""The hash chain: whatever is done to a journal behind the store's back is found."""

from __future__ import annotations

import unittest
from collections.abc import Sequence
from typing import Literal, TypeAlias

from perdure.base.codec import digest_bytes
from perdure.base.errors import AgentNotFound
from perdure.kernel.store.ops import Append, PutBlob
from perdure.kernel.store.port import Store

from .samples import OpenStore, agent, append, opened, record, run

Tampering: TypeAlias = Literal["change", "move", "remove", "swap", "erase", "change_blob", "remove_blob"]
BODY = b"x" * 70_000


class Integrity:
    def tamper(self, store: Store, how: Tampering, seqs: Sequence[int]) -> None:
        """Damage what is stored: change the data of a record, give it to the run `other` (move), remove it, swap two of
        them, empty it as if its run had been deleted (erase), change or remove the blob that it names."""
        raise unittest.SkipTest("this store has no way to damage it")

    async def _damaged(self, open_store: OpenStore, how: Tampering, *seqs: int) -> list[str]:
        async with opened(open_store) as store:
            blob = digest_bytes(BODY)
            await store.commit([agent("a"), agent("b"), run("r1"), append("1", "2", "3"), append("4", agent_id="b")])
            await store.commit([PutBlob(blob, BODY), Append("a", (record("5", blob=blob),)), append("6")])
            assert await store.verify("a") == []
            self.tamper(store, how, seqs)
            assert await store.verify("b") == []
            return await store.verify("a")

    async def test_a_changed_record_is_found(self, open_store: OpenStore) -> None:
        (problem,) = await self._damaged(open_store, "change", 2)
        assert problem.startswith("record 2 (effect.done 2)")

    async def test_a_record_given_to_another_run_is_found(self, open_store: OpenStore) -> None:
        (problem,) = await self._damaged(open_store, "move", 3)
        assert problem.startswith("record 3")

    async def test_a_missing_record_is_found(self, open_store: OpenStore) -> None:
        problems = await self._damaged(open_store, "remove", 2)
        assert [problem.split(" (")[0] for problem in problems] == [
            "record 3",
            "4 records are there, but 5 were written",
        ]

    async def test_a_missing_beginning_is_found(self, open_store: OpenStore) -> None:
        assert len(await self._damaged(open_store, "remove", 1)) == 2

    async def test_a_cut_tail_is_found(self, open_store: OpenStore) -> None:
        assert await self._damaged(open_store, "remove", 5, 6) == ["3 records are there, but 5 were written"]

    async def test_records_out_of_order_are_found(self, open_store: OpenStore) -> None:
        problems = await self._damaged(open_store, "swap", 2, 3)
        assert {"record 2", "record 3", "record 5"} == {problem.split(" (")[0] for problem in problems}

    async def test_an_exchanged_end_is_found(self, open_store: OpenStore) -> None:
        assert len(await self._damaged(open_store, "swap", 5, 6)) == 3

    async def test_a_record_emptied_while_its_run_is_there_is_found(self, open_store: OpenStore) -> None:
        (problem,) = await self._damaged(open_store, "erase", 2)
        assert "its run r1 was not deleted" in problem

    async def test_a_changed_or_missing_blob_is_found(self, open_store: OpenStore) -> None:
        (problem,) = await self._damaged(open_store, "change_blob", 5)
        assert problem.startswith("record 5") and problem.endswith("was changed")

    async def test_a_missing_blob_is_found(self, open_store: OpenStore) -> None:
        (problem,) = await self._damaged(open_store, "remove_blob", 5)
        assert problem.startswith("record 5") and problem.endswith("is missing")

    async def test_only_an_agent_that_is_there_can_be_verified(self, open_store: OpenStore) -> None:
        async with opened(open_store) as store:
            await store.commit([agent()])
            assert await store.verify("a") == []
            try:
                await store.verify("nobody")
            except AgentNotFound:
                return
        raise AssertionError("AgentNotFound was not raised")
