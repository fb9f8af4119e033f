"""What SQLite makes of the statement that writes runs, and of those that look for open ones."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from perdure.kernel.store.ops import PutAgent, PutRun
from perdure.kernel.store.rows import AgentRow, RunFilter, RunRow
from perdure.kernel.store.sqlite import SqliteStore

AGENT = AgentRow("a", "spec", 1)
RUN = RunRow("r", "a", "spec", "env", "running", 1, first_seq=1)


async def _statements(path: Path, connection: str) -> list[str]:
    """What one of the store's two connections executes to put a run, and to find those that are open."""
    store = SqliteStore.open(path)
    await store.commit([PutAgent(AGENT)])
    said: list[str] = []

    def note(_: apsw.Cursor, sql: str, __: object) -> bool:
        said.append(sql)
        return True

    owner = store._writer if connection == "writing" else store._reader
    owner._connection.exec_trace = note
    await store.commit([PutRun(RUN)])
    await store.ready(0, 10)
    await store.counts()
    await store.runs(RunFilter(status=("queued", "running")))
    await store.close()
    return [sql for sql in said if "runs" in sql]


async def test_a_run_is_written_without_a_table_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    (sql,) = await _statements(path, "writing")
    connection = apsw.Connection(str(path))
    steps = [row[1] for row in connection.execute(f"EXPLAIN {sql}", (None,) * sql.count("?"))]
    connection.close()
    assert "IdxInsert" in steps and "OpenEphemeral" not in steps


@pytest.mark.parametrize("number", range(3))
async def test_the_index_of_open_runs_serves_who_looks_for_them(tmp_path: Path, number: int) -> None:
    path = tmp_path / "store.db"
    sql = (await _statements(path, "reading"))[number]
    connection = apsw.Connection(str(path))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))]
    connection.close()
    assert any("runs_open" in line for line in plan), (sql, plan)
