"""One transaction of the writer, and what it knows of the file while nobody else writes."""

from __future__ import annotations

from typing import Any

import apsw

from perdure.base.errors import StoreTooNew
from perdure.kernel.store.refusals import no_agent
from perdure.kernel.store.rows import ScopeRow

from .liveness import WorkerLocks

AGENTS_REMEMBERED = 4_096
INSERT_RECORD = (
    "INSERT INTO records (seq, agent, run, key, type, at, hash, blob, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Agent:
    """The columns of an agent that commits check and move. They are written once, at the end of the transaction.

    `newest_mail` is the seq of the mail delivered last, None where that is not known. `is_blank`: it never had mail and
    never marked an id. `is_stored`: it has its row.
    """

    __slots__ = ("fence", "head", "id", "is_blank", "is_stored", "n", "newest_mail", "owner", "records")

    def __init__(self, id: str, n: int, owner: str, fence: int, head: bytes = b"", records: int = 0) -> None:
        self.id = id
        self.n = n
        self.owner = owner
        self.fence = fence
        self.head = head
        self.records = records
        self.newest_mail: int | None = None
        self.is_blank = False
        self.is_stored = True


class Transaction:
    """Used by the writer thread alone, again and again: begin, some commits, each ended by `accept`, then `commit` or
    `abandon`. A commit that may have to be undone alone is begun with `mark`.

    Agents and the next seq are remembered from one transaction to the next for as long as `PRAGMA data_version` says
    that no other connection has written: that saves most reads of a commit.
    """

    def __init__(self, connection: apsw.Connection, version: int, locks: WorkerLocks, host: str) -> None:
        self.connection = connection
        self.execute = connection.cursor().execute
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
        self._next_agent = 0
        self._is_marked = False

    # -- the file -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")
        data_version = self.one("PRAGMA data_version")[0]
        if data_version != self._data_version or len(self._agents) > AGENTS_REMEMBERED:
            self._look_again()
            self._data_version = data_version
            self.changed += 1

    def commit(self) -> None:
        self._write_agents()
        self.execute("COMMIT")

    def abandon(self) -> None:
        if self.connection.in_transaction:
            self.execute("ROLLBACK")
        self._is_marked = False
        self._end()
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
        self._write_agents()
        self.execute("SAVEPOINT one")
        self._is_marked = True

    def accept(self) -> None:
        if self._is_marked:
            self.execute("RELEASE one")
            self._is_marked = False
        self._end()

    def undo(self) -> None:
        self.execute("ROLLBACK TO one")
        self.accept()
        self._look_again()

    def _end(self) -> None:
        if self.first_seqs:
            self.first_seqs.clear()
        if self.new_runs:
            self.new_runs.clear()

    # -- rows that several guards and operations need -----------------------------------------------------------------

    def one(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        """The first row, None where there is none."""
        return self.execute(sql, bindings).fetchone()

    def agent(self, agent_id: str) -> Agent | None:
        if agent_id in self._agents:
            return self._agents[agent_id]
        row = self.one("SELECT id, n, owner, fence, head, records FROM agents WHERE id = ?", (agent_id,))
        agent = self._agents[agent_id] = None if row is None else Agent(*row)
        return agent

    def add_agent(self, agent_id: str, owner: str, fence: int) -> Agent:
        agent = self._agents[agent_id] = Agent(agent_id, self._next_agent, owner, fence)
        agent.newest_mail, agent.is_blank, agent.is_stored = 0, True, False
        self._next_agent += 1
        self.moved(agent)
        return agent

    def moved(self, agent: Agent) -> None:
        """The agent's columns are to be written."""
        self._moved[agent.id] = agent

    def _write_agents(self) -> None:
        for agent in self._moved.values():
            if agent.is_stored:
                self.execute(
                    "UPDATE agents SET owner = ?, fence = ?, head = ?, records = ? WHERE n = ?",
                    (agent.owner, agent.fence, agent.head, agent.records, agent.n),
                )
            else:
                self.execute(
                    "INSERT INTO agents (n, id, owner, fence, head, records) VALUES (?, ?, ?, ?, ?, ?)",
                    (agent.n, agent.id, agent.owner, agent.fence, agent.head, agent.records),
                )
                agent.is_stored = True
        self._moved.clear()

    def need(self, agent_id: str) -> Agent:
        agent = self.agent(agent_id)
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
