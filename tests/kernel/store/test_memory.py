"""The store in memory, by the suite that every store passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from perdure.kernel.store.memory import MemoryStore
from perdure.testing.store_suite import StoreContract, Tampering


class TestMemory(StoreContract):
    durable = False

    @pytest.fixture
    def open_store(self) -> Callable[[], MemoryStore]:
        return MemoryStore

    def tamper(self, store: MemoryStore, how: Tampering, seqs: Sequence[int]) -> None:
        tables = store._all
        journal = tables.journal["a"]
        first = journal[seqs[0]]
        match how:
            case "change":
                journal[first.seq] = replace(first, data=b"forged")
            case "move":
                journal[first.seq] = replace(first, run_id="other")
            case "erase":
                journal[first.seq] = replace(first, data=b"", erased=True)
            case "remove":
                for seq in seqs:
                    del journal[seq]
            case "swap":
                second = journal[seqs[1]]
                journal[first.seq] = replace(second, seq=first.seq)
                journal[second.seq] = replace(first, seq=second.seq)
            case "change_blob":
                tables.blobs[first.blob] = b"forged"
            case "remove_blob":
                del tables.blobs[first.blob]


async def test_workers_of_a_memory_store_cannot_be_dead() -> None:
    store = MemoryStore()
    assert await store.reap() == []
    assert store.changed() == store.changed()
