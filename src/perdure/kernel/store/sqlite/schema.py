"""The tables, and how a file gets them: created, migrated after a backup, or refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter, sleep

import apsw
import msgspec

from perdure.base.errors import StoreCorrupt, StoreTooNew

APPLICATION_ID = 0x50455244
"""`PERD`, in the header of every file of ours (https://sqlite.org/fileformat2.html#application_id)."""
BUSY_MS = 5_000
"""How long a writer waits for another process before it gives up with StoreBusy."""
STATEMENTS = 512
"""Kept prepared by a connection: an insert is a statement for each power of two of rows (see `Insert`)."""

KEPT = """
-- What agents keep, by keys of their own.
CREATE TABLE agent_values (
    agent INTEGER NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, digest TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (agent, key)
);

-- What was answered to requests, by their idempotency keys. n: in which order.
CREATE TABLE answers (
    n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX answers_expiry ON answers (expires_at);
"""
"""Since version 2."""

LIMITS = """
-- given: a limit that a person set, which goes before `allowed`. warned: the last period with a warning, -1 for none.
ALTER TABLE scopes ADD COLUMN given INTEGER;
ALTER TABLE scopes ADD COLUMN warned INTEGER NOT NULL DEFAULT -1;
"""
"""Since version 3."""

RESTS = """
-- rests: nothing begins for this agent until somebody says so.
ALTER TABLE agent_rows ADD COLUMN rests INTEGER NOT NULL DEFAULT 0;
"""
"""Since version 3."""

EVENTS = """
-- The log of events. AUTOINCREMENT: a seq is never given twice, also where the newest events were removed.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, at INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX events_topic ON events (topic, seq);

-- Places in that log, by names of those who keep them. agent: whom it goes with, NULL for nobody.
CREATE TABLE marks (
    name TEXT PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL, agent INTEGER
) WITHOUT ROWID;
"""
"""Since version 4."""

OPEN = "status != 'done' AND status != 'failed' AND status != 'cancelled'"
"""Runs that have not ended, as queries have to say it that the index is to serve. `NOT IN` would do for these, but each
row that is written builds a table of its three words then."""

OPEN_RUNS = f"""
DROP INDEX runs_open;
CREATE INDEX runs_open ON runs (status, agent) WHERE {OPEN};
"""
"""Since version 5."""

TABLES = """
-- What every commit touches is kept small: the row of an agent proper is in agent_rows.
CREATE TABLE agents (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, fence INTEGER NOT NULL,
    head BLOB NOT NULL, records INTEGER NOT NULL
);
CREATE TABLE agent_rows (agent INTEGER PRIMARY KEY, spec TEXT NOT NULL, row BLOB NOT NULL);

-- run: 16 bytes where the id is run_ and 32 hex digits, else its text. data NULL: erased with its run.
CREATE TABLE records (
    seq INTEGER PRIMARY KEY, agent INTEGER NOT NULL, run NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL,
    at INTEGER NOT NULL, hash BLOB NOT NULL, blob TEXT, data BLOB
);
CREATE INDEX records_agent ON records (agent);
CREATE INDEX records_blob ON records (blob) WHERE blob IS NOT NULL;

CREATE TABLE runs (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent INTEGER NOT NULL, status TEXT NOT NULL, parent TEXT NOT NULL,
    envelope TEXT NOT NULL, created_at INTEGER NOT NULL, first_seq INTEGER NOT NULL, spec TEXT NOT NULL,
    row BLOB NOT NULL
);
CREATE INDEX runs_agent ON runs (agent);
CREATE INDEX runs_envelope ON runs (envelope);
CREATE INDEX runs_parent ON runs (parent) WHERE parent != '';
CREATE INDEX runs_open ON runs (status, agent) WHERE status NOT IN ('done', 'failed', 'cancelled');

CREATE TABLE specs (digest TEXT PRIMARY KEY, at INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (digest TEXT PRIMARY KEY, data BLOB NOT NULL);

-- AUTOINCREMENT: a seq is never given twice, so that "newer than the last one read" can be said.
CREATE TABLE mail (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, agent INTEGER NOT NULL, envelope TEXT NOT NULL, kind TEXT NOT NULL,
    run_id TEXT NOT NULL,
    priority INTEGER NOT NULL, expires_at INTEGER, data BLOB NOT NULL
);
CREATE UNIQUE INDEX mail_envelope ON mail (agent, envelope);
CREATE INDEX mail_order ON mail (agent, priority);

-- space 0: ids of acknowledged envelopes, 1: ids marked as seen. ordinal numbers them per agent and space.
CREATE TABLE known (
    agent INTEGER NOT NULL, space INTEGER NOT NULL, id TEXT NOT NULL, ordinal INTEGER NOT NULL,
    PRIMARY KEY (agent, space, id)
) WITHOUT ROWID;
CREATE INDEX known_order ON known (agent, space, ordinal);

CREATE TABLE dead_letters (
    agent INTEGER NOT NULL, envelope TEXT NOT NULL, ordinal INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (agent, envelope)
) WITHOUT ROWID;
CREATE INDEX dead_letters_order ON dead_letters (agent, ordinal);

CREATE TABLE timers (
    run_id TEXT NOT NULL, key TEXT NOT NULL, agent INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (run_id, key)
) WITHOUT ROWID;
CREATE INDEX timers_due ON timers (due);
CREATE INDEX timers_agent ON timers (agent);

CREATE TABLE workers (
    id TEXT PRIMARY KEY, heartbeat_at INTEGER NOT NULL, started_at INTEGER NOT NULL, pid INTEGER NOT NULL,
    host TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE scopes (
    id TEXT PRIMARY KEY, allowed INTEGER, reserved INTEGER NOT NULL, spent INTEGER NOT NULL, period INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE reservations (
    id TEXT PRIMARY KEY, run_id TEXT NOT NULL, amount INTEGER NOT NULL, scopes BLOB NOT NULL
) WITHOUT ROWID;

-- floor: the highest seq of records that were deleted with their agent; no seq is given twice.
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
"""Of version 1."""


class Schema(msgspec.Struct, frozen=True):
    """`tables` creates version `version` from nothing; `steps[n]` is the SQL that leads from version n to n + 1."""

    version: int
    tables: str
    steps: Mapping[int, str] = {}


SCHEMA = Schema(
    version=5,
    tables=TABLES + KEPT + LIMITS + RESTS + EVENTS + OPEN_RUNS,
    steps={1: KEPT, 2: LIMITS + RESTS, 3: EVENTS, 4: OPEN_RUNS},
)


def connect(path: str, busy_ms: int = BUSY_MS) -> apsw.Connection:
    """A connection to a file, which is created where there is none. It waits `busy_ms` for others."""
    connection = apsw.Connection(path, statementcachesize=STATEMENTS)
    connection.set_busy_timeout(busy_ms)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)  # else each new binding may prepare a statement again
    connection.execute("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 8388608")
    return connection


def prepare(connection: apsw.Connection, path: str, schema: Schema = SCHEMA, busy_ms: int = BUSY_MS) -> None:
    """Bring the file to the schema's version. Raises StoreTooNew, and StoreCorrupt for a database of something else."""
    version = _version(connection, path, schema)
    _use_wal(connection, busy_ms)
    if version == schema.version:
        return
    connection.execute("BEGIN IMMEDIATE")  # whoever comes second finds the work done
    try:
        version = _version(connection, path, schema)
        if version == 0:
            connection.execute(schema.tables)
        elif version < schema.version:
            _back_up(path, f"{path}.v{version}.backup")
            for step in range(version, schema.version):
                connection.execute(schema.steps[step])
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {schema.version}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: apsw.Connection, path: str, schema: Schema) -> int:
    with connection:  # one look at all three, as another process may be making the file
        version = int(connection.pragma("user_version"))
        ours = connection.pragma("application_id") == APPLICATION_ID
        empty = not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    if not ours:
        if version or not empty:
            raise StoreCorrupt(f"{path}: the file is a database, but not one of Perdure", path=path)
    elif version > schema.version:
        raise StoreTooNew(
            f"{path}: written with schema {version}, this is {schema.version}", path=path, version=version
        )
    return version


def _use_wal(connection: apsw.Connection, busy_ms: int) -> None:
    """SQLite does not wait for others when it changes the journal mode, so this does."""
    deadline = perf_counter() + busy_ms / 1000
    while connection.pragma("journal_mode") != "wal":
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if perf_counter() > deadline:
                raise
            sleep(0.005)


def _back_up(path: str, target: str) -> None:
    """Copy what is committed, through a connection of its own as the other is in its transaction."""
    partial = f"{target}.partial"
    source = apsw.Connection(path)
    copy = apsw.Connection(partial)
    try:
        with copy.backup("main", source, "main") as backup:
            backup.step()
    finally:
        copy.close()
        source.close()
    os.replace(partial, target)
