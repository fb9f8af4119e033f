"""Turns of an agent, as its journal tells them: what woke it, and how it came to rest."""

from __future__ import annotations

from typing import Any

from perdure.base.codec import unpack, unpack_as
from perdure.base.envelope import Envelope
from perdure.kernel import records as r
from perdure.kernel.journal import decode

CAUSES = (r.RunAccepted.type, r.RunResumed.type, r.MessageReceived.type)
ENDS = (r.RunWaiting.type, r.RunYielded.type, r.RunPaused.type, r.RunFinished.type, r.TickFailed.type)


def cause_of(event: r.Event) -> str:
    """Why an agent begins a turn: `message`, `event`, `alarm`, …; `timer`, `approval`, `child`, … for an answer that a
    run waited for; `recovered`, `retried`, … for a run that is gone on with; "" where it does not."""
    match event:
        case r.RunAccepted(body=body):
            return unpack_as(body, Envelope).kind
        case r.RunResumed(reason=reason):
            return reason
        case r.MessageReceived(kind=kind):
            return kind
        case _:
            return ""


class Turns:
    """Takes the records of an agent in, in order, and gives a line when a turn ends."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, Any]] = {}

    def note(self, record: r.Record) -> dict[str, Any] | None:
        """`at` and `ended_at` (ms), what caused the turn, and how it ended: waiting (for `waits`), yielded, paused,
        done, failed, cancelled, or tried again. A turn whose beginning was not taken in has no `at` and no cause."""
        event = decode(record)
        if record.type in CAUSES:
            began = {"at": record.at, "cause": cause_of(event)}
            if isinstance(event, r.RunAccepted):
                began["envelope_id"] = unpack_as(event.body, Envelope).id
            self._open.setdefault(record.run_id, began)
            return None
        if record.type not in ENDS:
            return None
        turn = {"seq": record.seq, "run_id": record.run_id, **self._open.pop(record.run_id, {})}
        return turn | {"ended_at": record.at, **_end(event)}


def _end(event: r.Event) -> dict[str, Any]:
    match event:
        case r.RunWaiting(waits=waits):
            return {"end": "waiting", "waits": [wait.kind for wait in waits]}
        case r.RunFinished(status=status, body=body):
            return {"end": status} if status == "done" else {"end": status, "error": unpack(body)}
        case r.TickFailed(attempt=attempt, body=body):
            return {"end": "failed_attempt", "attempt": attempt, "error": unpack(body)}
        case r.RunPaused():
            return {"end": "paused"}
        case _:
            return {"end": "yielded"}
