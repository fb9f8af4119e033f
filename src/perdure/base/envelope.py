"""The one message struct: everything that reaches an agent is an envelope."""

from __future__ import annotations

from typing import Any

import msgspec

from .errors import InputError
from .topic import ADDRESS

DEFAULT_PRIORITY = 50
MAX_HOPS = 32
"""How often a message may have been passed on: one that goes round in circles comes to an end."""


class Envelope(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename={"sender": "from"}):
    """A message to an agent or topic. Times are milliseconds UTC.

    `kind` says what it is: `message` begins a run, `request` and `delegate` one whose end is answered; `reply`,
    `timer`, `approval`, `resolve`, `child`, `cancel` and `pause` speak to one that is under way; `event`, `alarm` and
    `schedule` are triggers. A lower `priority` goes first.
    """

    id: str
    to: str
    kind: str = "message"
    payload: Any = None
    sender: str = ""
    topic: str = ""
    thread: str = ""
    correlation: str = ""
    causation: str = ""
    reply_to: str = ""
    hops: int = 0
    priority: int = DEFAULT_PRIORITY
    expires_at: int | None = None
    traceparent: str = ""
    created_at: int = 0
    tracestate: str = ""


def answer_to(asked: Envelope) -> tuple[str, dict[str, Any]]:
    """The topic that the answer to a question goes to, and what it has of the question: its thread, its correlation and
    its trace. Raises InputError for what was not asked through a topic."""
    if not asked.reply_to.startswith(ADDRESS):
        raise InputError(f"{asked.id} names no topic for answers", hint="Agents are answered with `send`.")
    return asked.reply_to.removeprefix(ADDRESS), {
        "thread": asked.thread or asked.id,
        "correlation": asked.correlation or asked.id,
        "causation": asked.id,
        "hops": asked.hops + 1,
        "traceparent": asked.traceparent,
        "tracestate": asked.tracestate,
    }
