"""One run's history in memory: its records folded into what a handler may ask again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, TypeAlias, cast

import msgspec

from perdure.base.codec import NIL, digest_bytes, pack, unpack
from perdure.base.usage import NO_USAGE, Usage

from . import records as r
from .classes import EffectClass

KERNELS = (r.RETRY, r.SPEND, r.ROOM)
"""What the keys begin with under which the kernel waits for itself."""

PastState: TypeAlias = Literal["intended", "done", "failed"]

_EVENTS = {event.type: event for event in cast(tuple[type[r.Event], ...], r.AnyEvent.__args__)}


@cache
def _decoder(type: str) -> msgspec.msgpack.Decoder[r.Event]:
    """Made when the first such record is read: few runs hold records of all types."""
    return msgspec.msgpack.Decoder(_EVENTS[type])


def encode(event: r.Event, *, agent_id: str, run_id: str, key: str, at: int) -> r.Record:
    """The event as a record. A body over BLOB_LIMIT stays behind in `payload`, to be put as a blob beside it."""
    body = event.body
    if len(body) <= r.BLOB_LIMIT:
        return r.Record(agent_id, run_id, key, event.type, at, pack(event))
    whole = bytes(body)
    slim = msgspec.structs.replace(event, body=NIL)
    return r.Record(agent_id, run_id, key, event.type, at, pack(slim), digest_bytes(whole), payload=whole)


def decode(record: r.Record) -> r.Event:
    """The event that a record carries, its body in place."""
    event = _decoder(record.type).decode(record.data)
    if record.payload is not None:
        return msgspec.structs.replace(event, body=msgspec.Raw(record.payload))
    return event


class Past(msgspec.Struct, gc=False):
    """What the journal knows of one effect."""

    state: PastState
    digest: str
    effect: EffectClass = "read"
    body: r.Raw = NIL
    request: r.Raw = NIL
    usage: Usage | None = None


class Totals(msgspec.Struct, gc=False):
    """What a run has used so far. `cost` is micro-USD."""

    steps: int = 0
    cost: int = 0
    usage: Usage = NO_USAGE

    def add(self, event: r.EffectDone | r.EffectFailed) -> None:
        self.cost += event.cost
        if event.kind == "model" and isinstance(event, r.EffectDone):
            self.steps += 1
        if event.usage is not None:
            self.usage = self.usage + event.usage


class Journal:
    """The answers that a run's records hold, by key; `asked` collects the keys that the handler came for."""

    __slots__ = (
        *("accepted", "answers", "asked", "attempt", "cancelling", "checkpoint", "counters", "effects", "extensions"),
        *(
            "failed_key",
            "intents",
            "marked",
            "new_state",
            "reserved",
            "resolved",
            "sent",
            "totals",
            "used",
            "void",
            "waits",
        ),
    )

    def __init__(self) -> None:
        self.effects: dict[str, Past] = {}
        self.intents: dict[str, int] = {}
        """How often each effect was begun, by key."""
        self.answers: dict[str, r.MessageReceived] = {}
        self.resolved: dict[str, r.EffectResolved] = {}
        self.sent: set[str] = set()
        self.waits: dict[str, r.Wait] = {}
        self.void: frozenset[str] = frozenset()
        """Keys of waits that nothing answers any more: those of a run that is being cancelled, from before."""
        self.checkpoint: Any = None
        self.marked: tuple[str, ...] = ()
        self.new_state: tuple[bytes, int] | None = None
        """What the handler had asked for up to the last checkpoint, to be written when the run ends well."""
        self.counters: dict[str, int] = {}
        self.totals = Totals()
        self.used = NO_USAGE
        """What had been used at the last checkpoint."""
        self.extensions = 0
        self.attempt = 1
        self.failed_key = ""
        self.cancelling: dict[str, Any] | None = None
        """Why the run is being cancelled, as the error that it ends with; None where it is not."""
        self.accepted: r.RunAccepted | None = None
        self.asked: set[str] = set()
        self.reserved: dict[str, r.BudgetReserved] = {}
        """Money set aside for effects that have not come to their end; what they cost nobody knows yet."""

    def unasked(self) -> tuple[str, ...]:
        """Keys on record that the handler never came for: it is not the handler that wrote them."""
        if not (self.effects or self.answers):
            return ()
        known = (*self.effects, *self.answers)
        return tuple(key for key in known if key not in self.asked and not key.startswith(KERNELS))

    def in_doubt(self) -> list[str]:
        """Keys of effects that may or may not have happened."""
        return [key for key, past in self.effects.items() if past.state == "intended" and past.effect != "read"]

    def changed(self, tools: dict[str, str]) -> tuple[str, ...]:
        """See `changed_tools`."""
        return changed_tools(self.accepted, tools)

    def note(self, key: str, event: r.Event) -> None:
        """Take one record in. Later records of a key say more than earlier ones."""
        match event:
            case r.RunAccepted():
                self.accepted = event
            case r.EffectIntended():
                self.effects[key] = Past("intended", event.digest, event.effect, request=event.body)
                self.intents[key] = self.intents.get(key, 0) + 1
                self.waits.pop(key, None)  # somebody had said to try again
                self.resolved.pop(key, None)
            case r.EffectDone():
                before = self.effects.get(key)
                request = before.request if before is not None and before.request != NIL else event.request
                self.effects[key] = Past("done", event.digest, body=event.body, request=request, usage=event.usage)
                self.totals.add(event)
            case r.BudgetReserved():
                self.reserved[key] = event
            case r.BudgetSettled():
                self._settle(key, event.spent)
            case r.BudgetReleased():
                self.reserved.pop(key, None)
            case r.EffectFailed():
                self.effects[key] = Past("failed", event.digest, body=event.body)
                self.totals.add(event)
            case r.EffectResolved():
                self.resolved[key] = event
            case r.MessageReceived() if key:
                self.answers[key] = event
            case r.MessageSent() if key:
                self.sent.add(key)
            case r.RunWaiting():
                self.waits = {wait.key: wait for wait in event.waits}
                self.void = frozenset()
            case r.RunResumed():
                for forgotten in event.forget:
                    self._forget(forgotten)
                self.failed_key = ""
                if event.reason == r.CANCELLING:
                    self.cancelling = unpack(event.body)
                    self.void = frozenset(key for key, wait in self.waits.items() if wait.kind != "in_doubt")
                self.extensions += event.reason == "by hand"
            case r.TickFailed():
                self.attempt = event.attempt + 1
                self.failed_key = key
            case r.Checkpoint():
                self._restart(unpack(event.body))
            case _:
                pass

    def _forget(self, key: str) -> None:
        """Let a failed effect be done anew; what has been done since stays done."""
        past = self.effects.get(key)
        if past is not None and past.state == "failed":
            del self.effects[key]
        for asked in [asked for asked in self.answers if asked.startswith(r.SPEND) and asked.endswith(f":{key}")]:
            del self.answers[asked]  # whoever lets it be done anew may be asked anew

    def _settle(self, key: str, spent: int) -> None:
        """What a call cost that never came to its end; that of others stands in the record of their end."""
        past = self.effects.get(key)
        if self.reserved.pop(key, None) is not None and (past is None or past.state == "intended"):
            self.totals.cost += spent

    def _restart(self, saved: dict[str, Any]) -> None:
        for answered in (self.effects, self.intents, self.answers, self.resolved, self.waits):
            answered.clear()
        self.sent.clear()
        aside = saved.get("aside", {}).items()
        self.reserved = {key: r.BudgetReserved(reservation=id, amount=amount) for key, (id, amount) in aside}
        self.checkpoint = saved["state"]
        self.marked = tuple(saved.get("marked", ()))
        state = saved.get("new_state")
        self.new_state = None if state is None else (state[0], state[1])
        self.counters = saved["counters"]
        self.totals = Totals(saved["steps"], saved["cost"], Usage(*saved["usage"]))
        self.used = self.totals.usage


def changed_tools(accepted: r.RunAccepted | None, now: dict[str, str]) -> tuple[str, ...]:
    """Python tools whose source is not what it was when the run began, by name."""
    before = accepted.tools if accepted is not None else {}
    return tuple(sorted(name for name, digest in before.items() if now.get(name) != digest))


def fold(records: Iterable[r.Record]) -> Journal:
    """The history that these records of one run tell, in order."""
    journal = Journal()
    for record in records:
        journal.note(record.key, decode(record))
    return journal
