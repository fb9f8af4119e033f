"""What a memory store holds: dicts of frozen rows, with an undo list that makes a commit all or nothing."""

from __future__ import annotations

from typing import Any, TypeVar

from perdure.kernel.records import Record
from perdure.kernel.store.refusals import no_agent
from perdure.kernel.store.rows import (
    AgentRow,
    Answer,
    DeadLetter,
    EventRow,
    Mail,
    MarkRow,
    Reservation,
    RunRow,
    ScopeRow,
    Timer,
    ValueRow,
    WorkerRow,
)

K = TypeVar("K")
V = TypeVar("V")
_NOTHING: Any = object()


class Tables:
    """Rows by their ids; `put` and `drop` are the only ways to change them, so that `roll_back` can.

    An undone `drop` puts a row back at the end of its dict: only `journal`, from which nothing is dropped singly, and
    `order` and `events`, which are sorted then, may be trusted to be in order.
    """

    def __init__(self) -> None:
        self.agents: dict[str, AgentRow] = {}
        self.runs: dict[str, tuple[int, RunRow]] = {}  # with the number of its creation
        self.journal: dict[str, dict[int, Record]] = {}  # agent → seq → record
        self.order: dict[int, str] = {}  # seq → agent
        self.specs: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.mail: dict[str, dict[str, Mail]] = {}  # agent → envelope id
        self.known: dict[str, dict[str, int]] = {}  # agent → id of an acknowledged envelope → its number
        self.seen: dict[str, dict[str, int]] = {}  # agent → id → its number
        self.dead: dict[str, dict[str, tuple[int, DeadLetter]]] = {}  # agent → envelope id, numbered
        self.values: dict[str, dict[str, ValueRow]] = {}  # agent → key
        self.answers: dict[str, tuple[int, Answer]] = {}  # idempotency key, numbered
        self.events: dict[int, EventRow] = {}  # in order
        self.event_seqs: dict[str, int] = {}  # id
        self.marks: dict[str, MarkRow] = {}
        self.timers: dict[tuple[str, str], Timer] = {}  # (run, key)
        self.workers: dict[str, WorkerRow] = {}
        self.scopes: dict[str, ScopeRow] = {}
        self.reservations: dict[str, Reservation] = {}
        self.last: dict[str, int] = {}  # the number given last, by what it numbers
        self.first_seqs: dict[str, int] = {}  # in this commit: run → its first record
        self.new_runs: list[str] = []  # in this commit
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def need(self, agent_id: str) -> AgentRow:
        agent = self.agents.get(agent_id)
        if agent is None:
            raise no_agent(agent_id)
        return agent

    def number(self, kind: str) -> int:
        """The next number of its kind, from 1; never given twice."""
        self.put(self.last, kind, self.last.get(kind, 0) + 1)
        return self.last[kind]

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        self._undo.append((table, key, table.get(key, _NOTHING)))
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            self._undo.append((table, key, table.pop(key)))

    def keep(self) -> None:
        """End a commit."""
        self._undo.clear()
        self.first_seqs.clear()
        self.new_runs.clear()

    def roll_back(self) -> None:
        for table, key, value in reversed(self._undo):
            if value is _NOTHING:
                del table[key]
            else:
                table[key] = value
        undone = [table for table, _, value in self._undo if value is not _NOTHING]
        if any(table is self.order for table in undone):
            self.order = dict(sorted(self.order.items()))
        if any(table is self.events for table in undone):
            self.events = dict(sorted(self.events.items()))
        self.keep()

    def knows(self, agent_id: str, envelope_id: str) -> bool:
        return envelope_id in self.mail.get(agent_id, ()) or envelope_id in self.known.get(agent_id, ())
