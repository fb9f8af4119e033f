"""One transaction of the writer, and what it knows of the file while nobody else writes."""

from __future__ import annotations

from typing import Any

import apsw

from perdure.base.errors import StoreTooNew
from perdure.kernel.store.refusals import no_agent
from perdure.kernel.store.rows import ScopeRow

from .liveness import WorkerLocks

AGENTS_REMEMBERED = 4_096


class Agent:
    """The columns of an agent that commits check and move."""

    __slots__ = ("fence", "head", "n", "owner", "records")

    def __init__(self, n: int, owner: str, fence: int, head: bytes, records: int) -> None:
        self.n = n
        self.owner = owner
        self.fence = fence
        self.head = head
        self.records = records


class Transaction:
    """Used by the writer thread alone, again and again: begin, some commits each between `mark` and `accept` or
    `undo`, then `commit` or `abandon`.

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
        self._agents: dict[str, Agent] = {}

    # -- the file -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")
        data_version = self.one("PRAGMA data_version")[0]
        if data_version != self._data_version or len(self._agents) > AGENTS_REMEMBERED:
            self._look_again()
            self._data_version = data_version
            self.changed += 1

    def commit(self) -> None:
        self.execute("COMMIT")

    def abandon(self) -> None:
        if self.connection.in_transaction:
            self.execute("ROLLBACK")
        self._data_version = -1

    def _look_again(self) -> None:
        version = self.one("PRAGMA user_version")[0]
        if version > self._schema_version:
            raise StoreTooNew(f"the file was migrated to schema {version} by a newer Perdure", version=version)
        self._agents.clear()
        self.next_seq = self.one(
            "SELECT max((SELECT coalesce(max(seq), 0) FROM records),"
            " coalesce((SELECT value FROM meta WHERE key = 'floor'), 0)) + 1"
        )[0]

    # -- one commit ---------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        self.execute("SAVEPOINT one")

    def accept(self) -> None:
        self.execute("RELEASE one")
        self._end()

    def undo(self) -> None:
        self.execute("ROLLBACK TO one")
        self.execute("RELEASE one")
        self._end()
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
        agent = self._agents.get(agent_id)
        if agent is None:
            row = self.one("SELECT n, owner, fence, head, records FROM agents WHERE id = ?", (agent_id,))
            if row is None:
                return None
            agent = self._agents[agent_id] = Agent(*row)
        return agent

    def need(self, agent_id: str) -> Agent:
        agent = self.agent(agent_id)
        if agent is None:
            raise no_agent(agent_id)
        return agent

    def forget(self, agent_id: str) -> None:
        self._agents.pop(agent_id, None)

    def scope(self, scope_id: str) -> ScopeRow | None:
        row = self.one("SELECT id, allowed, reserved, spent, period FROM scopes WHERE id = ?", (scope_id,))
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
