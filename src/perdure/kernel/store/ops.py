"""What a commit can do, and the conditions it can set. All are plain values; a store gives them their meaning.

An operation that adds to an agent (records, runs, mail, timers, ids, a claim) needs one that exists, or is put earlier
in the same commit; without it the commit fails with AgentNotFound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from perdure.kernel.records import Record

from .rows import AgentRow, MarkRow, RunRow, Timer, WorkerRow

if TYPE_CHECKING:
    from .snapshot import Snapshot

ENVELOPES_KNOWN = 1_024
"""How many acknowledged envelopes of each agent are remembered to tell duplicates."""
DEAD_LETTERS_KEPT = 10_000
"""How many dead letters of each agent are kept."""

VALUE_LIMIT = 16 * 1024 * 1024
"""The longest value that an agent can keep, in bytes."""
ANSWERS_KEPT = 10_000
"""How many remembered answers a store keeps, unless an operation says otherwise."""
EVENT_LIMIT = 1024 * 1024
"""The longest event, packed, in bytes."""

OverflowPolicy: TypeAlias = Literal["reject_new", "drop_oldest", "dead_letter"]


class _Value(msgspec.Struct, frozen=True, gc=False):
    pass


# -- operations -------------------------------------------------------------------------------------------------------


class Append(_Value, frozen=True):
    """Add records of one agent, in this order; their `seq` and `hash` are computed here. Result: list of the seqs."""

    agent_id: str
    records: tuple[Record, ...]


class PutAgent(_Value, frozen=True):
    """Create or replace the agent's row, except `owner`, `fence`, `head` and `records`, which keep what they are
    (a new row takes `owner` and `fence` from `row`)."""

    row: AgentRow


class PutRun(_Value, frozen=True):
    """Create or replace the run's row; its agent, envelope, parent, time of creation and `first_seq` stay as they were
    first. A row without `first_seq` gets the seq of the run's first record in this commit, or where it has none there,
    that of the agent's last record."""

    row: RunRow


class PutSpec(_Value, frozen=True):
    """Keep a spec by its digest; putting it again changes nothing."""

    digest: str
    data: bytes
    at: int


class PutBlob(_Value, frozen=True):
    """Keep bytes by their digest; putting them again changes nothing."""

    digest: str
    data: bytes


class Deliver(_Value, frozen=True):
    """Put an envelope into the agent's inbox. Result: `delivered`, or `duplicate` where the inbox has, or lately had,
    an envelope with this id (nothing is written then), or by `policy`, where `capacity` (0: unbounded) waiting
    envelopes are there already: `dropped_oldest` (the oldest waiting one goes to the dead letters with reason
    `overflow`), `dead_lettered` (this one goes there). With policy reject_new the commit fails with InboxFull.

    Envelopes for a run (`run_id`) are answers that it waits for: they take no room and are never dropped. One that
    overflow dropped is not known afterwards, so that it can be delivered again."""

    agent_id: str
    envelope_id: str
    kind: str
    data: bytes
    at: int
    run_id: str = ""
    priority: int = 50
    expires_at: int | None = None
    capacity: int = 0
    policy: OverflowPolicy = "dead_letter"
    taken: bool = False  # acknowledged in the same breath: only its id is kept, to know duplicates


class Acknowledge(_Value, frozen=True):
    """Take envelopes out of the inbox. Their ids stay known, the last ENVELOPES_KNOWN of each agent."""

    agent_id: str
    envelope_ids: tuple[str, ...]


class PutDeadLetter(_Value, frozen=True):
    """Keep an envelope that could not be delivered or used; of those put last, DEAD_LETTERS_KEPT are
    kept for each agent. Putting it again replaces it."""

    agent_id: str
    envelope_id: str
    reason: str
    at: int
    data: bytes


class DropDeadLetter(_Value, frozen=True):
    agent_id: str
    envelope_id: str


class SetTimer(_Value, frozen=True):
    """Set or move the timer (run_id, key)."""

    timer: Timer


class CancelTimer(_Value, frozen=True):
    """Remove one timer, or all of the run's where `key` is ""; removing what is not there changes nothing."""

    run_id: str
    key: str = ""


class Claim(_Value, frozen=True):
    """Make `worker` the agent's owner and raise its fence. Result: the new fence. Guard it with Claimable."""

    agent_id: str
    worker: str


class Unclaim(_Value, frozen=True):
    """Give the agent up: owner "" (only where `worker` owns it), unless mail with a seq above `last_mail` waits (None:
    even then). Result: False where such mail waits. Without this a message that came at the last moment would lie."""

    agent_id: str
    worker: str
    last_mail: int | None = None


class Heartbeat(_Value, frozen=True):
    """Register the worker, or renew its heartbeat. Result: True where its row was there, False where it is written
    anew: the first time, or after somebody took this worker for dead. A row without `host` gets the store's."""

    row: WorkerRow


class ForgetWorker(_Value, frozen=True):
    """Remove the worker's row; agents that it owns become claimable."""

    worker: str


class Reserve(_Value, frozen=True):
    """Set money aside on every scope, and note their limits. Guard it with WithinBudget, given the same scopes.
    A reservation that is there already stays as it is."""

    id: str
    run_id: str
    amount: int
    scopes: tuple[ScopeLimit, ...]


class Settle(_Value, frozen=True):
    """Turn a reservation into money spent: 0 gives it all back, and it may be more than was reserved. A scope that has
    begun a new period since is left alone: the money belongs to the period it was reserved in. Result: list of the
    scopes that it changed, as they are now; empty where there is no reservation of this id."""

    id: str
    spent: int


class SetLimit(_Value, frozen=True):
    """Give a scope a limit that goes before those that reservations name, in this and all later periods; None: theirs
    count again. A warning of the present period is forgotten with it."""

    id: str
    limit: int | None


class MarkWarned(_Value, frozen=True):
    """Note that a warning was given of this scope in this period. Guard it with NotWarned."""

    id: str
    period: int


class Retire(_Value, frozen=True):
    """Remove the scopes `run:<id>` of those of these runs that nobody can draw on any more: each is done, cancelled or
    deleted, and so is every run below it. A failed run can be resumed, and keeps its scope and those above it."""

    run_ids: tuple[str, ...]


class MarkSeen(_Value, frozen=True):
    """Remember ids for `seen`, the last `keep` that the agent marked; marking one again makes it the newest."""

    agent_id: str
    ids: tuple[str, ...]
    keep: int = 1024


class PutValue(_Value, frozen=True):
    """Keep bytes of the agent under a key, any text but "", in place of what was there. Result: their digest. Fails
    with InputError where they are longer than VALUE_LIMIT. Agent "" is there always: the project keeps its own."""

    agent_id: str
    key: str
    data: bytes
    at: int


class DropValue(_Value, frozen=True):
    """Remove the agent's value under this key. Result: True, or False where there was none."""

    agent_id: str
    key: str


class Remember(_Value, frozen=True):
    """Keep the answer to a request under its idempotency key until `expires_at`, unless one from before is kept there
    that has not expired at `at`. Result: the bytes that count, these or those from before. Where there are more than
    `keep` answers then, the expired ones are forgotten, and if that is not enough, those remembered first."""

    key: str
    data: bytes
    at: int
    expires_at: int
    keep: int = ANSWERS_KEPT


class ForgetExpired(_Value, frozen=True):
    """Forget answers that have expired at `now`. Result: how many."""

    now: int


class PublishEvent(_Value, frozen=True):
    """Add an event to the log under the next seq; one whose id is in the log already changes nothing. Result: its seq,
    and whether it is new. Fails with InputError where it is longer than EVENT_LIMIT. A seq is never given twice."""

    id: str
    topic: str
    data: bytes
    at: int


class TrimEvents(_Value, frozen=True):
    """Remove events of a topic up to the seq `upto`: those from before the time `before`, and those that are not among
    its last `keep` (None: any number); the oldest first, `most` at once. Result: how many."""

    topic: str
    upto: int
    before: int = 0
    keep: int | None = None
    most: int = 10_000


class PutMark(_Value, frozen=True):
    """Keep a place in the log of events under a name, with bytes of who puts it. It goes with its agent, if any."""

    mark: MarkRow


class DropMark(_Value, frozen=True):
    """Remove a mark. Result: True, or False where there was none."""

    name: str


class Restore(_Value, frozen=True):
    """Put back all that `Store.snapshot` took, of an agent that is not there. Its hash chain is the same; records
    without a hash are linked anew, as those of a clone have to be that is restored under another id. Scopes are put
    where there are none. Fails with KeyExists where the agent, one of its runs or of its timers is there, and with
    InputError where a record is not what was written."""

    snapshot: Snapshot


class DeleteRun(_Value, frozen=True):
    """Forget a run that has ended: its row, timers and the contents of its records; what it still had reserved is given
    back. The records stay as links of the hash chain, so that it still verifies, but are no longer read. Its
    id is not to be used again."""

    run_id: str


class DeleteAgent(_Value, frozen=True):
    """Remove the agent with all of its records, runs, mail, dead letters, timers, values and scopes."""

    agent_id: str


class CollectGarbage(_Value, frozen=True):
    """Remove blobs that no record and specs that no agent or run names, answers that have expired at `now`, and scopes
    that Retire would remove.
    Result: `{"blobs", "specs", "answers", "bytes"}` removed. So a spec or blob is put in the commit that names it, or
    after one that does."""

    now: int = 0


class ScopeLimit(_Value, frozen=True):
    """A scope as a reservation names it. A row with an older `period` starts again from nothing reserved or spent; one
    with a newer period is used as it is. A limit that a person gave the scope goes before `limit`."""

    id: str
    limit: int | None
    period: int = 0


# -- guards -----------------------------------------------------------------------------------------------------------


class HasFence(_Value, frozen=True):
    """The worker owns the agent under this fence, else Fenced."""

    agent_id: str
    worker: str
    fence: int


class Claimable(_Value, frozen=True):
    """Nobody owns the agent, or `worker` does, or its owner is unknown or has a heartbeat before `stale_before`,
    else Held. AgentNotFound where there is none."""

    agent_id: str
    worker: str
    stale_before: int


class NoAgent(_Value, frozen=True):
    """There is no such agent yet, else KeyExists."""

    agent_id: str


class NewEnvelope(_Value, frozen=True):
    """The agent has not had this envelope, else KeyExists."""

    agent_id: str
    envelope_id: str


class RunIs(_Value, frozen=True):
    """The run is in one of these states, else VersionConflict."""

    run_id: str
    status: tuple[str, ...]


class NoKey(_Value, frozen=True):
    """The run has no record of this type under this key, else KeyExists."""

    run_id: str
    key: str
    type: str


class NotRemembered(_Value, frozen=True):
    """There is no answer under this key that has not expired at `now`, else KeyExists: `Store.remembered` gives it."""

    key: str
    now: int


class TimerIs(_Value, frozen=True):
    """The timer (run_id, key) is set to this time, else VersionConflict: of all who find it due one may fire it."""

    run_id: str
    key: str
    due: int


class ValueIs(_Value, frozen=True):
    """The agent's value under this key has this digest, or None: there is no such value; else VersionConflict."""

    agent_id: str
    key: str
    digest: str | None


class MarkIs(_Value, frozen=True):
    """The mark of this name stands at `seq`, or None: there is no such mark; else VersionConflict."""

    name: str
    seq: int | None


class WithinBudget(_Value, frozen=True):
    """reserved + spent + amount ≤ limit on every scope that has one, else BudgetExceeded with the first that fails."""

    amount: int
    scopes: tuple[ScopeLimit, ...]


class NotWarned(_Value, frozen=True):
    """The scope is in this period, and no warning was given of it yet, else KeyExists."""

    id: str
    period: int


Op: TypeAlias = (
    Append
    | PutAgent
    | PutRun
    | PutSpec
    | PutBlob
    | Deliver
    | Acknowledge
    | PutDeadLetter
    | DropDeadLetter
    | SetTimer
    | CancelTimer
    | Claim
    | Unclaim
    | Heartbeat
    | ForgetWorker
    | Reserve
    | Settle
    | SetLimit
    | MarkWarned
    | Retire
    | MarkSeen
    | PutValue
    | DropValue
    | Remember
    | ForgetExpired
    | PublishEvent
    | TrimEvents
    | PutMark
    | DropMark
    | Restore
    | DeleteRun
    | DeleteAgent
    | CollectGarbage
)
Guard: TypeAlias = (
    HasFence
    | Claimable
    | NoAgent
    | NewEnvelope
    | RunIs
    | NoKey
    | NotRemembered
    | TimerIs
    | ValueIs
    | MarkIs
    | WithinBudget
    | NotWarned
)
