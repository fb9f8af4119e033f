"""The one message struct: everything that reaches an agent is an envelope."""

from __future__ import annotations

from typing import Any

import msgspec

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
