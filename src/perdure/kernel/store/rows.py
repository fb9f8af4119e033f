"""What a store gives back: rows as plain values.

Stores keep agents and runs as the sequence of their fields: a new field goes to the end and has a default.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

T = TypeVar("T")
Order: TypeAlias = Literal["oldest", "newest"]
RunStatus: TypeAlias = Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled", "yielded"]

ENDED: frozenset[RunStatus] = frozenset(("done", "failed", "cancelled"))


RESTING: frozenset[str] = frozenset(("quarantined", "failed"))
"""States of an agent in which mail is accepted and waits, and nothing begins until somebody says so."""


class AgentRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`state` is packed by the handler, None before the first tick that set it. `active_run` is "" between runs.
    `head` is the hash of the agent's last record and `records` counts them. `owner` is a worker's id or ""."""

    id: str
    spec: str
    created_at: int
    owner: str = ""
    fence: int = 0
    active_run: str = ""
    state: bytes | None = None
    state_version: int = 0
    head: bytes = b""
    records: int = 0
    status: str = "active"
    updated_at: int = 0


class RunRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`first_seq` is where its records begin; `checkpoint_seq` is its last checkpoint record, 0 for none.
    Counters are totals of the run without its children. `root` is the topmost run, itself where there is no parent."""

    id: str
    agent_id: str
    spec: str
    envelope_id: str
    status: RunStatus
    created_at: int
    waiting_for: str = ""
    parent: str = ""
    root: str = ""
    reply_to: str = ""
    correlation: str = ""
    started_at: int = 0
    finished_at: int = 0
    first_seq: int = 0
    checkpoint_seq: int = 0
    steps: int = 0
    attempt: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    budget: int | None = None
    label: str = ""


class Mail(msgspec.Struct, frozen=True, gc=False):
    """A delivered envelope, still packed."""

    seq: int
    agent_id: str
    envelope_id: str
    kind: str
    run_id: str
    priority: int
    expires_at: int | None
    data: bytes


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    agent_id: str
    envelope_id: str
    reason: str
    at: int
    data: bytes


class Timer(msgspec.Struct, frozen=True, gc=False):
    """Unique by (run_id, key)."""

    agent_id: str
    run_id: str
    key: str
    due: int


class ValueRow(msgspec.Struct, frozen=True, gc=False):
    """Bytes that an agent, or the project under the id "", keeps under a key. `at` is when they were put, `digest` is
    that of codec.digest_bytes."""

    agent_id: str
    key: str
    data: bytes
    at: int
    digest: str


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What was answered to the request with this idempotency key."""

    key: str
    data: bytes
    at: int
    expires_at: int


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """An event in the log, its envelope still packed."""

    seq: int
    id: str
    topic: str
    at: int
    data: bytes


class EventFilter(msgspec.Struct, frozen=True, gc=False):
    """Empty fields match everything. `prefix` ends in a dot and chooses the topics below it; `since` is ms UTC."""

    topic: str = ""
    prefix: str = ""
    since: int = 0


class TopicRow(msgspec.Struct, frozen=True, gc=False):
    """A topic with events in the log. `first_at` and `last_at` are when the first and last of them were published."""

    topic: str
    events: int
    first_seq: int
    last_seq: int
    first_at: int
    last_at: int


class MarkRow(msgspec.Struct, frozen=True, gc=False):
    """A place in the log of events: `seq` is the last event that lies behind whoever keeps it."""

    name: str
    seq: int
    at: int
    data: bytes = b""
    agent_id: str = ""


class WorkerRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    id: str
    heartbeat_at: int
    started_at: int = 0
    pid: int = 0
    host: str = ""


class ScopeRow(msgspec.Struct, frozen=True, gc=False):
    """Money of one scope, micro-USD. `limit` is what the last reservation named, None for no limit, and `given` what a
    person set instead. `period` numbers the period that the sums belong to, `warned` the last one with a warning."""

    id: str
    limit: int | None
    reserved: int
    spent: int
    period: int
    given: int | None = None
    warned: int = -1

    @property
    def allowed(self) -> int | None:
        """The limit that holds."""
        return self.limit if self.given is None else self.given


class Counts(msgspec.Struct, frozen=True):
    """How many of what there are. `runs` are those that have not ended, by status."""

    agents: int = 0
    runs: dict[RunStatus, int] = {}
    mail: int = 0
    timers: int = 0
    dead_letters: int = 0


class RecordFilter(msgspec.Struct, frozen=True, gc=False):
    """Empty fields match everything."""

    agent_id: str = ""
    run_id: str = ""
    types: tuple[str, ...] = ()


class RunFilter(msgspec.Struct, frozen=True, gc=False):
    """Empty fields match everything. `id_prefix` matches the beginning of a run's id."""

    agent_id: str = ""
    status: tuple[RunStatus, ...] = ()
    parent: str = ""
    id_prefix: str = ""
    since: int = 0


class Page(msgspec.Struct, Generic[T], frozen=True, gc=False):
    items: list[T]
    next: str = ""


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """Money set aside and not yet settled. `scopes` maps each scope to the period in which it was reserved."""

    id: str
    run_id: str
    amount: int
    scopes: dict[str, int]
