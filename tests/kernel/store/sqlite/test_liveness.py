"""Workers whose process is dead are known at once by the lock that it let go."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure.base.errors import InputError, StoreBusy
from perdure.kernel.store.ops import ForgetWorker, Heartbeat
from perdure.kernel.store.rows import WorkerRow
from perdure.kernel.store.sqlite import SqliteStore


def _locked(store: SqliteStore) -> list[str]:
    return sorted(os.listdir(f"{store.path}.workers"))


def _remove_lock(store: SqliteStore, worker: str) -> None:
    os.unlink(f"{store.path}.workers/{worker}")


async def test_the_worker_of_a_killed_process_is_reaped(tmp_path: Path, start: Callable[..., Any]) -> None:
    child = start(
        """
        async def main():
            store = SqliteStore.open(path)
            await store.commit([Heartbeat(WorkerRow("theirs", 1))])
            say("ready")
            sys.stdin.readline()
        asyncio.run(main())
        """
    )
    assert child.hear() == "ready"
    store = SqliteStore.open(tmp_path / "store.db")
    await store.commit([Heartbeat(WorkerRow("ours", 1)), Heartbeat(WorkerRow("far away", 1, host="elsewhere"))])
    assert await store.reap() == []
    child.kill()
    child.end()
    assert await store.reap() == ["theirs"]
    assert await store.reap() == []
    assert [row.id for row in await store.workers()] == ["far away", "ours"]
    assert _locked(store) == ["far away", "ours"]
    await store.close()
    assert _locked(store) == []


async def test_the_worker_of_a_store_that_was_closed_is_reaped(tmp_path: Path) -> None:
    leaving = SqliteStore.open(tmp_path / "store.db")
    await leaving.commit([Heartbeat(WorkerRow("w", 1))])
    staying = SqliteStore.open(tmp_path / "store.db")
    assert await staying.reap() == []
    await leaving.close()
    assert await staying.reap() == ["w"]
    await staying.close()


async def test_a_worker_is_registered_once(tmp_path: Path) -> None:
    first, second = (SqliteStore.open(tmp_path / "store.db") for _ in range(2))
    assert await first.commit([Heartbeat(WorkerRow("w", 1))]) == [False]
    with pytest.raises(StoreBusy) as caught:
        await second.commit([Heartbeat(WorkerRow("w", 2))])
    assert not caught.value.retryable
    assert await first.commit([Heartbeat(WorkerRow("w", 2))]) == [True]
    await first.close()
    await second.close()


async def test_a_worker_that_was_taken_for_dead_registers_again(tmp_path: Path) -> None:
    store, other = (SqliteStore.open(tmp_path / "store.db") for _ in range(2))
    await store.commit([Heartbeat(WorkerRow("w", 1))])
    _remove_lock(store, "w")
    assert await other.reap() == ["w"]
    assert await store.commit([Heartbeat(WorkerRow("w", 2))]) == [False]
    assert await other.reap() == []
    await store.commit([ForgetWorker("w")])
    _remove_lock(store, "w")
    await store.close()
    await other.close()


@pytest.mark.parametrize("id", ["", ".", "..", "../w", "a/b"])
async def test_the_id_of_a_worker_is_the_name_of_a_file(tmp_path: Path, id: str) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    with pytest.raises(InputError):
        await store.commit([Heartbeat(WorkerRow(id, 1))])
    await store.close()
