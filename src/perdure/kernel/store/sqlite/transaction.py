"""One transaction of the writer, and what it knows of the file while nobody else writes."""

from __future__ import annotations

from typing import Any

import apsw

from perdure.base.errors import StoreTooNew
from perdure.kernel.store.refusals import no_agent
from perdure.kernel.store.rows import ScopeRow

from .insert import Insert
from .liveness import WorkerLocks

AGENTS_REMEMBERED = 4_096
RECORDS = Insert("records", "seq, agent, run, key, type, at, hash, blob, data")
_AGENTS = Insert(
    "agents",
    "n, id, owner, fence, head, records",
    conflict="ON CONFLICT (n) DO UPDATE"
    " SET owner = excluded.owner, fence = excluded.fence, head = excluded.head, records = excluded.records",
)


class Agent:
    """The columns of an agent that commits check and move. They are written once, at the end of the transaction.

    `newest_mail` is the seq of the mail delivered last, None where that is not known. `is_blank`: it never had mail and
    never marked an id.
    """

    __slots__ = ("fence", "head", "id", "is_blank", "n", "newest_mail", "owner", "records")

    def __init__(self, id: str, n: int, owner: str, fence: int, head: bytes = b"", records: int = 0) -> None:
        self.id = id
        self.n = n
        self.owner = owner
        self.fence = fence
        self.head = head
        self.records = records
        self.newest_mail: int | None = None
        self.is_blank = False


class Transaction:
    """Used by the writer alone, again and again: begin, some commits, each ended by `accept`, then `write` and
    `commit`, or `abandon`. A commit that may have to be undone alone is begun with `mark`.

    A row that nobody in the transaction need find at once is left for `later`: `write` inserts all rows of one kind by
    one statement. Whatever is executed in between finds them, as they are written before it.

    Agents and the next seq are remembered from one transaction to the next for as long as the file's data version says
    that no other connection has written: that saves most reads of a commit.
    """

    def __init__(self, connection: apsw.Connection, version: int, locks: WorkerLocks, host: str) -> None:
        self.connection = connection
        self.locks = locks
        self.host = host
        self.next_seq = 0
        self.changed = 0  # how often somebody else had written
        self.first_seqs: dict[str, int] = {}  # of the commit: run → its first record
        self.new_runs: list[tuple[str, int]] = []  # of the commit: run, n of its agent
        self._schema_version = version
        self._data_version = -1
        self._agents: dict[str, Agent | None] = {}  # None: there is none of this id
        self._moved: dict[str, Agent] = {}
        self._cursor = connection.cursor()
        self._later: dict[Insert, list[Any]] = {}
        self._next_agent = 0
        self._is_marked = False

    # -- the file -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._cursor.execute("BEGIN IMMEDIATE")
        data_version = self.connection.data_version()
        if data_version != self._data_version or len(self._agents) > AGENTS_REMEMBERED:
            self._look_again()
            self._data_version = data_version
            self.changed += 1

    def write(self) -> None:
        """Do what was left for later."""
        for agent in self._moved.values():
            self.later(_AGENTS, (agent.n, agent.id, agent.owner, agent.fence, agent.head, agent.records))
        self._moved.clear()
        self._write_rows()

    def commit(self) -> None:
        self._cursor.execute("COMMIT")
        self._data_version = self.connection.data_version()  # what is written here counts as well

    def abandon(self) -> None:
        self._later.clear()
        if self.connection.in_transaction:
            self._cursor.execute("ROLLBACK")
        self._is_marked = False
        self.accept()
        self._data_version = -1

    def _look_again(self) -> None:
        version = self.one("PRAGMA user_version")[0]
        if version > self._schema_version:
            raise StoreTooNew(f"the file was migrated to schema {version} by a newer Perdure", version=version)
        self._agents.clear()
        self._moved.clear()
        self._next_agent = self.one("SELECT coalesce(max(n), 0) + 1 FROM agents")[0]
        self.next_seq = self.one(
            "SELECT max((SELECT coalesce(max(seq), 0) FROM records),"
            " coalesce((SELECT value FROM meta WHERE key = 'floor'), 0)) + 1"
        )[0]

    # -- one commit ---------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        self.write()
        self._cursor.execute("SAVEPOINT one")
        self._is_marked = True

    def accept(self) -> None:
        if self._is_marked:
            self.write()
            self._cursor.execute("RELEASE one")
            self._is_marked = False
        self.first_seqs.clear()
        self.new_runs.clear()

    def undo(self) -> None:
        self._later.clear()
        self._moved.clear()
        self._cursor.execute("ROLLBACK TO one")
        self.accept()
        self._look_again()

    # -- rows that several guards and operations need -----------------------------------------------------------------

    def later(self, into: Insert, row: tuple[Any, ...]) -> None:
        """Insert a row, together with others of its kind."""
        values = self._later.get(into)
        if values is None:
            self._later[into] = [*row]
        else:
            values += row

    def _write_rows(self) -> None:
        for into, values in self._later.items():
            for sql, some in into.statements(values):
                self._cursor.execute(sql, some)
        self._later.clear()

    def execute(self, sql: str, bindings: tuple[Any, ...] = ()) -> apsw.Cursor:
        """Anything else, on top of everything before it."""
        if self._later:
            self._write_rows()
        return self._cursor.execute(sql, bindings)

    def one(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        """The first row, None where there is none."""
        return self.execute(sql, bindings).fetchone()

    def agent(self, agent_id: str) -> Agent | None:
        if agent_id in self._agents:
            return self._agents[agent_id]
        # Rows left for later can stay: agents that are new in this transaction are remembered, and never among them.
        found = self._cursor.execute("SELECT id, n, owner, fence, head, records FROM agents WHERE id = ?", (agent_id,))
        row: Any = found.fetchone()
        agent = self._agents[agent_id] = None if row is None else Agent(*row)
        return agent

    def add_agent(self, agent_id: str, owner: str, fence: int) -> Agent:
        agent = self._agents[agent_id] = Agent(agent_id, self._next_agent, owner, fence)
        agent.newest_mail, agent.is_blank = 0, True
        self._next_agent += 1
        self.moved(agent)
        return agent

    def moved(self, agent: Agent) -> None:
        """The agent's columns are to be written."""
        self._moved[agent.id] = agent

    def need(self, agent_id: str) -> Agent:
        agent = self._agents.get(agent_id) or self.agent(agent_id)
        if agent is None:
            raise no_agent(agent_id)
        return agent

    def forget(self, agent_id: str) -> None:
        self._agents.pop(agent_id, None)
        self._moved.pop(agent_id, None)

    def scope(self, scope_id: str) -> ScopeRow | None:
        row = self.one(
            "SELECT id, allowed, reserved, spent, period, given, warned FROM scopes WHERE id = ?", (scope_id,)
        )
        return ScopeRow(*row) if row else None

    def knows(self, n: int, envelope_id: str) -> bool:
        """Whether the agent has this envelope, or lately had it."""
        return (
            self.one(
                "SELECT 1 FROM known WHERE agent = ?1 AND space = 0 AND id = ?2"
                " UNION ALL SELECT 1 FROM mail WHERE agent = ?1 AND envelope = ?2",
                (n, envelope_id),
            )
            is not None
        )
