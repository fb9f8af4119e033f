"""The journal's records: a closed union of things that happen to runs, and the row that carries one."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from perdure.base.codec import NIL
from perdure.base.usage import Usage

from .classes import EffectClass

Raw = msgspec.Raw
BLOB_LIMIT = 64 * 1024
"""A packed body longer than this goes to a content-addressed blob, and the record keeps its digest."""

VALUE_SHOWN = 1024
"""A value of up to so many bytes stands in the record that tells of it."""

RETRY = "retry#"
"""What the keys of waits begin with that the engine makes itself, between two attempts at a run."""

SPEND = "spend#"
"""What the keys of waits begin with in which somebody is asked to agree to a large spend."""

ROOM = "room#"
"""What the keys of waits begin with that wait for a budget to have room."""

CANCELLING = "cancelling"
"""The reason for which a run goes on that is to undo what it did, and then ends as cancelled."""

WaitKind: TypeAlias = Literal["approval", "timer", "message", "reply", "child", "in_doubt", "budget", "start", "tool"]
AgentStatus: TypeAlias = Literal["created", "active", "dormant", "failed", "quarantined", "terminated"]


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """Base of what a record can tell. `body` is a packed payload of any size (see BLOB_LIMIT).

    Events are packed as the sequence of their fields: a new field goes to the end of its class and has a default.
    """

    type: ClassVar[str] = ""
    body: Raw = NIL


class Wait(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a suspended handler waits for under one key. `due` (ms) ends it; `about` is for people and for matching."""

    key: str
    kind: WaitKind
    due: int | None = None
    about: dict[str, Any] = {}

    @property
    def mark(self) -> tuple[str, int]:
        """What tells it from every other wait of its run: an effect may come to be in doubt more than once."""
        return self.key, self.about.get("attempt", 0)


class RunAccepted(Event, frozen=True):
    """Body: the packed envelope. `tools` maps each Python tool to the digest of its source. A fork that is not `live`
    may do nothing that changes something outside."""

    type: ClassVar[str] = "run.accepted"
    spec: str
    parent: str = ""
    forked_from: str = ""
    live: bool = True
    budget: int | None = None
    tools: dict[str, str] = {}


class RunWaiting(Event, frozen=True):
    type: ClassVar[str] = "run.waiting"
    waits: tuple[Wait, ...]


class RunResumed(Event, frozen=True):
    """`reason`: answered | recovered | retried | unpaused | by hand | cancelling (body: the error that the run ends
    with). `forget` names failed keys to do anew, `changed` the Python tools whose source is no longer what it was when
    the run began."""

    type: ClassVar[str] = "run.resumed"
    reason: str
    worker: str = ""
    forget: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class RunYielded(Event, frozen=True):
    """The step limit was reached: resumable, not an error."""

    type: ClassVar[str] = "run.yielded"
    steps: int = 0


class RunPaused(Event, frozen=True):
    type: ClassVar[str] = "run.paused"
    who: str = ""


class RunFinished(Event, frozen=True):
    """Body: the packed output (done), or the error as a mapping (failed, cancelled)."""

    type: ClassVar[str] = "run.finished"
    status: Literal["done", "failed", "cancelled"]
    unasked: tuple[str, ...] = ()


class EffectIntended(Event, frozen=True):
    """Written before an effect that may change something. Body: the packed request, so that a person can judge it."""

    type: ClassVar[str] = "effect.intended"
    kind: str
    effect: EffectClass
    digest: str
    reservation: str = ""
    note: dict[str, Any] = {}


class EffectDone(Event, frozen=True):
    """Body: the packed result. `ms` is how long it took; `note` holds what a trace shows beside it; `request` is the
    packed request where it is short and no intent holds it."""

    type: ClassVar[str] = "effect.done"
    kind: str
    digest: str
    ms: int = 0
    usage: Usage | None = None
    cost: int = 0
    price: str = ""
    note: dict[str, Any] = {}
    request: Raw = NIL


class EffectFailed(Event, frozen=True):
    """Body: the error as a mapping."""

    type: ClassVar[str] = "effect.failed"
    kind: str
    digest: str
    retryable: bool = False
    ms: int = 0
    usage: Usage | None = None
    cost: int = 0
    note: dict[str, Any] = {}


class EffectResolved(Event, frozen=True):
    """A person decided an effect in doubt. Body: the packed result where `how` is done."""

    type: ClassVar[str] = "effect.resolved"
    how: Literal["done", "retry", "fail"]
    who: str = ""
    why: str = ""


class MessageReceived(Event, frozen=True):
    """Body: the packed envelope. The record's key is that of the wait it answers, "" for none."""

    type: ClassVar[str] = "message.received"
    kind: str = "message"


class MessageSent(Event, frozen=True):
    """Body: the packed envelope."""

    type: ClassVar[str] = "message.sent"
    to: str


class MessageDropped(Event, frozen=True):
    """`reason`: expired | overflow | duplicate | unknown_run, of a message sent: hops | unknown_agent, or what became
    of a dead letter: discarded | replayed."""

    type: ClassVar[str] = "message.dropped"
    envelope: str
    reason: str


class StateSet(Event, frozen=True):
    """Body: the packed state, so that a replay of the next run can begin with it."""

    type: ClassVar[str] = "state.set"
    version: int
    digest: str


class TickFailed(Event, frozen=True):
    """A handler raised: its state and outgoing mail were rolled back. Body: the error. The record's key names the
    effect whose failure escaped, "" for an error of the handler's own."""

    type: ClassVar[str] = "tick.failed"
    attempt: int = 1


class BudgetReserved(Event, frozen=True):
    """`approved_by` names who agreed to it, where it was above the threshold."""

    type: ClassVar[str] = "budget.reserved"
    reservation: str
    amount: int
    approved_by: str = ""


class BudgetSettled(Event, frozen=True):
    """`over` is how much more was spent than had been reserved."""

    type: ClassVar[str] = "budget.settled"
    reservation: str
    spent: int
    over: int = 0


class BudgetReleased(Event, frozen=True):
    type: ClassVar[str] = "budget.released"
    reservation: str


class BudgetWarned(Event, frozen=True):
    """So much of the scope's limit is spent that somebody should know; told once in each of its periods."""

    type: ClassVar[str] = "budget.warned"
    scope: str
    limit: int
    spent: int
    period: int


class BudgetChanged(Event, frozen=True):
    """A person set the scope's limit to `limit`, None: to what its file says. Of no run where the scope is none's."""

    type: ClassVar[str] = "budget.changed"
    scope: str
    limit: int | None
    who: str = ""


class Checkpoint(Event, frozen=True):
    """Closes a segment: a replay starts here. Body: the packed state given by the handler."""

    type: ClassVar[str] = "checkpoint"


class ValueSet(Event, frozen=True):
    """The agent keeps something under a key, which is the record's. Body: the bytes, where there are VALUE_SHOWN or
    fewer. `first`: nothing was kept there before. This and those that follow tell of the agent itself: their run's id
    may be ""."""

    type: ClassVar[str] = "value.set"
    digest: str
    size: int
    first: bool = False


class ValueDropped(Event, frozen=True):
    """The record's key is the value's."""

    type: ClassVar[str] = "value.dropped"


class AgentChanged(Event, frozen=True):
    """The agent came to be, or came into another state of its life."""

    type: ClassVar[str] = "agent.changed"
    status: AgentStatus
    who: str = ""
    why: str = ""


class AgentImported(Event, frozen=True):
    """The agent's history up to here was that of another: `source` is its id, `head` the hash of its last record, and
    `records` counts them. Their contents are the same, their hashes are not, as these cover the agent's id."""

    type: ClassVar[str] = "agent.imported"
    source: str
    head: bytes
    records: int
    who: str = ""


class MountChanged(Event, frozen=True):
    """What the agent reaches under `path` is another `service` or another `access` level; `service` "": nothing."""

    type: ClassVar[str] = "mount.changed"
    path: str
    service: str
    access: str
    who: str = ""


AnyEvent: TypeAlias = (
    RunAccepted
    | RunWaiting
    | RunResumed
    | RunYielded
    | RunPaused
    | RunFinished
    | EffectIntended
    | EffectDone
    | EffectFailed
    | EffectResolved
    | MessageReceived
    | MessageSent
    | MessageDropped
    | StateSet
    | TickFailed
    | BudgetReserved
    | BudgetSettled
    | BudgetReleased
    | BudgetWarned
    | BudgetChanged
    | Checkpoint
    | ValueSet
    | ValueDropped
    | AgentChanged
    | AgentImported
    | MountChanged
)


class Record(msgspec.Struct, frozen=True, gc=False):
    """One row of the journal, as written (`data` and `blob` packed) and as read.

    `seq` is 0 until committed. `data` is the event packed without its body where that went to `blob`. `hash` chains the
    record to the one before it of the same agent. `payload` holds the blob's bytes once read, None where there is none.
    `erased`: its run was deleted, and only this link of the chain is left, without data.
    """

    agent_id: str
    run_id: str
    key: str
    type: str
    at: int
    data: bytes
    blob: str = ""
    seq: int = 0
    hash: bytes = b""
    payload: bytes | None = None
    erased: bool = False
