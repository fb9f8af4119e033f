"""What to do with the mail of an agent: which envelope answers which wait, which begins a run, which is too late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope

from . import records as r
from .store.rows import Mail, Timer

LIFE = "life"
"""The kind of an envelope that tells an agent to come into another state of its life."""
COMMANDS = frozenset(("cancel", "pause", "resume", LIFE))
_FIELDS = frozenset(("kind", "sender", "correlation"))
_REPLIED = frozenset(("reply", "tool"))
ANSWERS = frozenset(("child", "approval", "resolve", "reply", "budget"))


class Item(msgspec.Struct, frozen=True, gc=False):
    """An envelope with the run that it speaks to, "" where it is to begin one."""

    envelope: Envelope
    run_id: str


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is handed to the wait `key`; `item` is None where it is a timer that ends the wait."""

    key: str
    event: r.MessageReceived | r.EffectResolved
    item: Item | None = None


class Intake(msgspec.Struct):
    """The mail, sorted. `starters` begin runs, in order; `stale` ones speak to a run that is not active;
    envelopes in none of the lists stay where they are."""

    answers: list[Answer] = []
    commands: list[Item] = []
    starters: list[Item] = []
    expired: list[Item] = []
    stale: list[Item] = []


def sort(
    mail: Sequence[Mail],
    timers: Iterable[Timer],
    waits: Mapping[str, r.Wait],
    run_id: str,
    now: int,
    *,
    is_whole: bool = False,
) -> Intake:
    """Sort an agent's mail and due timers for its active run (`run_id`, "" for none) and that run's open waits. Where
    these are all that it waits for (`is_whole`), the end of any other child run is one that it cut off."""
    intake = Intake()
    open_waits = dict(waits)
    for timer in timers:
        if timer.run_id == run_id and timer.due <= now and open_waits.pop(timer.key, None) is not None:
            intake.answers.append(Answer(timer.key, r.MessageReceived(kind="timer")))
    for one in mail:
        item = Item(unpack_as(one.data, Envelope), one.run_id)
        if one.expires_at is not None and one.expires_at <= now:
            intake.expired.append(item)
        elif one.kind in COMMANDS:
            intake.commands.append(item)
        elif one.kind in ANSWERS:
            wait = _asker(open_waits, one.kind, item.envelope) if one.run_id == run_id else None
            if wait is not None and _is_late(item.envelope, wait):
                intake.stale.append(item)
            elif wait is not None:
                del open_waits[wait.key]
                intake.answers.append(Answer(wait.key, _event(one), item))
            elif one.run_id != run_id or not run_id or (is_whole and one.kind == "child"):
                intake.stale.append(item)
        elif (key := _receiver(open_waits, item.envelope)) is not None:
            del open_waits[key]
            intake.answers.append(Answer(key, _event(one), item))
        else:
            intake.starters.append(item)
    return intake


def _is_late(envelope: Envelope, wait: r.Wait) -> bool:
    """Whether it decides on an earlier attempt than the one that is in doubt now."""
    _, attempt = wait.mark
    return envelope.kind == "resolve" and envelope.payload.get("attempt", attempt) != attempt


def _event(mail: Mail) -> r.MessageReceived | r.EffectResolved:
    if mail.kind != "resolve":
        return r.MessageReceived(kind=mail.kind, body=msgspec.Raw(mail.data))
    decision = unpack_as(mail.data, Envelope).payload
    body = msgspec.Raw(msgspec.msgpack.encode(decision.get("value")))
    return r.EffectResolved(how=decision["how"], who=decision.get("who", ""), why=decision.get("why", ""), body=body)


def _asker(waits: Mapping[str, r.Wait], kind: str, envelope: Envelope) -> r.Wait | None:
    """The wait that an answer is for: the one it names, or that listens to the subscription which it comes from."""
    named = waits.get(envelope.correlation)
    if kind != "reply" or (named is not None and named.kind in _REPLIED):  # nobody approves anything by a reply
        return named
    subscription = envelope.id.partition("/")[0]
    return next((wait for wait in waits.values() if wait.about.get("subscription") == subscription), None)


def _receiver(waits: Mapping[str, r.Wait], envelope: Envelope) -> str | None:
    for key, wait in waits.items():
        if (wait.kind == "message" or "correlation" in wait.about) and all(
            getattr(envelope, field) == wanted for field, wanted in wait.about.items() if field in _FIELDS
        ):
            return key
    return None
