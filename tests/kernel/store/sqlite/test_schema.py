"""Files of other versions: migrated after a backup, or refused."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from perdure.base.errors import StoreTooNew
from perdure.kernel.store.ops import PutAgent, PutValue, Settle
from perdure.kernel.store.rows import AgentRow, RecordFilter
from perdure.kernel.store.sqlite import SqliteStore
from perdure.kernel.store.sqlite.schema import SCHEMA, Schema

AGENT = AgentRow("a", "spec", 1)
NOW = SCHEMA.version
LATER = Schema(
    version=NOW + 2,
    tables=SCHEMA.tables,
    steps={NOW: "ALTER TABLE agents ADD COLUMN note TEXT", NOW + 1: "UPDATE agents SET note = id || '!'"},
)


async def test_an_older_file_is_migrated_step_by_step_after_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore.open(path)
    await store.commit([PutAgent(AGENT)])
    migrated = SqliteStore.open(path, schema=LATER)
    assert await migrated.load_agent("a") == AGENT
    assert apsw.Connection(str(path)).execute("SELECT note FROM agents").get == "a!"
    await migrated.close()
    await store.close()
    backup = SqliteStore.open(tmp_path / f"store.db.v{NOW}.backup")
    assert await backup.load_agent("a") == AGENT
    await backup.close()
    again = SqliteStore.open(path, schema=LATER)
    assert await again.load_agent("a") == AGENT
    await again.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore.open(path).close()
    broken = Schema(version=NOW + 1, tables="", steps={NOW: "ALTER TABLE agents ADD COLUMN note; nonsense"})
    with pytest.raises(Exception, match="nonsense"):
        SqliteStore.open(path, schema=broken)
    store = SqliteStore.open(path)
    await store.commit([PutAgent(AGENT)])
    await store.close()


async def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await SqliteStore.open(path, schema=LATER).close()
    content = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        SqliteStore.open(path)
    assert caught.value.facts["version"] == NOW + 2 and "upgrade" in caught.value.hint
    assert path.read_bytes() == content


async def test_a_process_that_is_left_behind_by_a_migration_writes_no_more(tmp_path: Path) -> None:
    old = SqliteStore.open(tmp_path / "store.db")
    await old.commit([PutAgent(AGENT)])
    new = SqliteStore.open(tmp_path / "store.db", schema=LATER)
    with pytest.raises(StoreTooNew):
        await old.commit([PutAgent(AGENT)])
    await new.commit([PutAgent(AGENT)])
    await new.close()
    await old.close()


def _make_version_1(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(Path(__file__).with_name("version_1.sql").read_text())
    connection.close()


async def test_a_file_of_version_1_goes_on_with_all_that_it_had(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _make_version_1(path)
    store = SqliteStore.open(path)
    assert await store.verify("support") == []
    records = await store.records(RecordFilter(agent_id="support"))
    assert [record.type for record in records] == ["run.accepted", "effect.done", "effect.done", "run.finished"]
    row, run = await store.load_agent("support"), await store.load_run(records[0].run_id)
    assert row is not None and (row.fence, row.state_version) == (1, 1)
    assert run is not None and (run.status, run.cost) == ("done", 12)
    assert [mail.envelope_id for mail in await store.mail("support", 9)] == ["env_2"]
    assert [letter.envelope_id for letter in await store.dead_letters("support")] == ["env_0"]
    assert [timer.due for timer in await store.timers("support")] == [5000] and await store.seen("support", "x")
    ((settled,),) = await store.commit([Settle("res1", 20)])
    assert (settled.id, settled.reserved, settled.spent, settled.given) == ("project:day", 0, 20, None)
    await store.commit([PutValue("support", "goal:1", b"new", 1)])
    await store.close()
    backup = apsw.Connection(f"{path}.v1.backup")
    assert backup.pragma("user_version") == 1 and backup.pragma("integrity_check") == "ok"
    backup.close()


async def test_a_migrated_file_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    _make_version_1(tmp_path / "old.db")
    tables = []
    for name in ("old.db", "new.db"):
        await SqliteStore.open(tmp_path / name).close()
        connection = apsw.Connection(str(tmp_path / name))
        tables.append(set(connection.execute("SELECT type, name, sql FROM sqlite_schema")))
        connection.close()
    assert tables[0] == tables[1]
