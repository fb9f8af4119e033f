"""What SQLite and the disk do wrong has a name and a cure, and costs nothing that was acknowledged."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import apsw
import pytest

from perdure.base.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreReadOnly
from perdure.kernel.records import Record
from perdure.kernel.store.ops import Append, PutAgent, PutBlob
from perdure.kernel.store.rows import AgentRow, RecordFilter
from perdure.kernel.store.sqlite import SqliteStore
from perdure.kernel.store.sqlite.faults import fault

AGENT = PutAgent(AgentRow("a", "spec", 1))


def append(key: str, size: int = 100) -> Append:
    return Append("a", (Record("a", "r", key, "effect.done", 1, b"x" * size),))


async def test_a_full_disk_fails_what_does_not_fit_and_keeps_the_rest(small_disk: Any) -> None:
    store = SqliteStore.open(small_disk.folder / "store.db")
    await store.commit([AGENT])
    written = 0
    with pytest.raises(StoreFull) as caught:
        for written in range(1_000):
            await store.commit([append(str(written), 2_000)])
    assert caught.value.retryable and caught.value.__cause__ is not None
    assert written > 10
    with pytest.raises(StoreFull):
        await store.commit([PutBlob("d", b"x" * 1_000_000)])
    assert len(await store.records(RecordFilter())) == written
    small_disk.enlarge()
    assert await store.commit([append("after", 2_000)]) == [[written + 1]]
    assert await store.verify("a") == []
    await store.close()


async def test_a_store_on_a_full_disk_can_be_closed_and_has_everything(small_disk: Any) -> None:
    store = SqliteStore.open(small_disk.folder / "store.db")
    await store.commit([AGENT, *(append(str(n), 1_000) for n in range(200))])
    small_disk.fill()
    await store.close()
    small_disk.enlarge()
    again = SqliteStore.open(small_disk.folder / "store.db")
    assert len(await again.records(RecordFilter())) == 200
    assert await again.verify("a") == []
    await again.close()


async def test_a_disk_that_is_full_from_the_start_is_named(small_disk: Any) -> None:
    small_disk.fill()
    with pytest.raises(StoreFull):
        SqliteStore.open(small_disk.folder / "store.db")
    small_disk.enlarge()
    await SqliteStore.open(small_disk.folder / "store.db").close()


async def test_a_folder_that_cannot_be_written_is_named(freezable: Any) -> None:
    folder = freezable.folder
    store = SqliteStore.open(folder / "store.db")
    await store.commit([AGENT])
    await store.close()
    freezable.freeze()
    for path in (folder / "store.db", folder / "other.db", folder / "new" / "store.db"):
        with pytest.raises(StoreReadOnly) as caught:
            SqliteStore.open(path)
        assert "writable" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"this is not a database, but a text of some length" * 100, b"SQLite format 3\0" * 99]
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        SqliteStore.open(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with apsw.Connection(str(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(StoreCorrupt, match="not one of Perdure"):
        SqliteStore.open(path)


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore.open(path)
    await store.commit([AGENT, *(append(str(n), 1_000) for n in range(50))])
    await store.close()
    whole = apsw.Connection(str(path))
    roots = [root for (root,) in whole.execute("SELECT rootpage FROM sqlite_schema")]
    whole.close()
    with path.open("r+b") as file:
        for root in roots:
            file.seek((root - 1) * 4096)
            file.write(b"\xa5" * 4096)
    store = SqliteStore.open(path)
    with pytest.raises(StoreCorrupt):
        await store.load_agent("a")
    with pytest.raises(StoreCorrupt):
        await store.commit([append("more")])
    with pytest.raises(StoreCorrupt):
        await store.verify("a")
    await store.close()


async def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    await store.commit([AGENT])
    with apsw.Connection(store.path) as other:
        other.execute("UPDATE agent_rows SET row = x'c1'")
    other.close()
    with pytest.raises(StoreCorrupt):
        await store.load_agent("a")
    await store.close()


async def test_a_database_that_is_held_too_long_is_busy(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db", busy_ms=20)
    await store.commit([AGENT])
    other = apsw.Connection(store.path)
    other.execute("BEGIN IMMEDIATE")
    busy = [store.commit([append("1")]), store.commit([append("2")])]
    for commit in busy:
        with pytest.raises(StoreBusy) as caught:
            await commit
        assert caught.value.retryable
    assert await store.load_agent("a") is not None, "readers wait for nobody"
    other.execute("ROLLBACK")
    other.close()
    assert await store.commit([append("3")]) == [[1]]
    await store.close()


def test_a_database_that_is_held_while_it_is_made_is_busy(tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "store.db"))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy):
        SqliteStore.open(tmp_path / "store.db", busy_ms=20)
    other.close()


def test_a_database_that_is_read_while_it_is_made_is_busy(tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "store.db"))
    other.execute("PRAGMA application_id = 1346720324")
    other.execute("BEGIN; SELECT count(*) FROM sqlite_schema")
    with pytest.raises(StoreBusy):
        SqliteStore.open(tmp_path / "store.db", busy_ms=20)
    other.close()


@pytest.mark.parametrize(
    ("cause", "code", "kind"),
    [
        (apsw.ReadOnlyError("x"), 0, StoreReadOnly),
        (apsw.LockedError("x"), 0, StoreBusy),
        (apsw.IOError("x"), errno.EDQUOT, StoreFull),
        (apsw.IOError("x"), errno.EIO, StoreError),
        (apsw.CantOpenError("x"), errno.EACCES, StoreReadOnly),
        (OSError(errno.EROFS, "x"), 0, StoreReadOnly),
        (OSError(errno.ENOSPC, "x"), 0, StoreFull),
        (OSError(errno.ENOTDIR, "x"), errno.ENOSPC, StoreError),
    ],
)
def test_each_failure_has_its_error(tmp_path: Path, cause: Exception, code: int, kind: type[StoreError]) -> None:
    error = fault(cause, str(tmp_path / "store.db"), code)
    assert type(error) is kind and error.__cause__ is cause


def test_an_unknown_failure_is_a_store_error_with_its_cause() -> None:
    cause = RuntimeError("strange")
    error = fault(cause, "store.db")
    assert type(error) is StoreError and error.__cause__ is cause and "strange" in str(error)
