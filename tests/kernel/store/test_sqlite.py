"""The store in SQLite, by the suite that every store passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import apsw
import pytest

from perdure.kernel.store.sqlite import SqliteStore
from perdure.testing.store_suite import StoreContract, Tampering

_DAMAGE: dict[Tampering, str] = {
    "change": "UPDATE records SET data = 'forged' WHERE seq = :one",
    "move": "UPDATE records SET run = 'other' WHERE seq = :one",
    "erase": "UPDATE records SET data = NULL, blob = NULL WHERE seq = :one",
    "remove": "DELETE FROM records WHERE seq IN (:one, :two)",
    "swap": "UPDATE records SET seq = -1 WHERE seq = :one; UPDATE records SET seq = :one WHERE seq = :two;"
    " UPDATE records SET seq = :two WHERE seq = -1",
    "change_blob": "UPDATE blobs SET data = 'forged'",
    "remove_blob": "DELETE FROM blobs",
}


class TestSqlite(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], SqliteStore]:
        return lambda: SqliteStore.open(tmp_path / "project" / "store.db")

    def tamper(self, store: SqliteStore, how: Tampering, seqs: Sequence[int]) -> None:
        with apsw.Connection(store.path) as connection:
            connection.execute(_DAMAGE[how], {"one": seqs[0], "two": seqs[-1]})
        connection.close()
