"""Files of other versions: migrated after a backup, or refused."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from perdure.base.errors import StoreTooNew
from perdure.kernel.store.ops import PutAgent
from perdure.kernel.store.rows import AgentRow
from perdure.kernel.store.sqlite import SqliteStore
from perdure.kernel.store.sqlite.schema import SCHEMA, Schema

AGENT = AgentRow("a", "spec", 1)
THIRD = Schema(
    version=3,
    tables=SCHEMA.tables,
    steps={1: "ALTER TABLE agents ADD COLUMN note TEXT", 2: "UPDATE agents SET note = id || '!'"},
)


async def test_an_older_file_is_migrated_step_by_step_after_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore.open(path)
    await store.commit([PutAgent(AGENT)])
    migrated = SqliteStore.open(path, schema=THIRD)
    assert await migrated.load_agent("a") == AGENT
    assert apsw.Connection(str(path)).execute("SELECT note FROM agents").get == "a!"
    await migrated.close()
    await store.close()
    backup = SqliteStore.open(tmp_path / "store.db.v1.backup")
    assert await backup.load_agent("a") == AGENT
    await backup.close()
    again = SqliteStore.open(path, schema=THIRD)
    assert await again.load_agent("a") == AGENT
    await again.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore.open(path).close()
    broken = Schema(version=2, tables="", steps={1: "ALTER TABLE agents ADD COLUMN note; nonsense"})
    with pytest.raises(Exception, match="nonsense"):
        SqliteStore.open(path, schema=broken)
    store = SqliteStore.open(path)
    await store.commit([PutAgent(AGENT)])
    await store.close()


async def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore.open(path, schema=THIRD).close()
    content = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        SqliteStore.open(path)
    assert caught.value.facts["version"] == 3 and "upgrade" in caught.value.hint
    assert path.read_bytes() == content


async def test_a_process_that_is_left_behind_by_a_migration_writes_no_more(tmp_path: Path) -> None:
    old = SqliteStore.open(tmp_path / "store.db")
    await old.commit([PutAgent(AGENT)])
    new = SqliteStore.open(tmp_path / "store.db", schema=THIRD)
    with pytest.raises(StoreTooNew):
        await old.commit([PutAgent(AGENT)])
    await new.commit([PutAgent(AGENT)])
    await new.close()
    await old.close()
