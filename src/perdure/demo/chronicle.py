"""The journal of the demo's run as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from perdure.base.codec import unpack_as
from perdure.base.messages import ModelResponse
from perdure.kernel import records as r
from perdure.kernel.journal import decode


class Line(msgspec.Struct, frozen=True):
    """`at` is milliseconds after the run began, `place` the step or call."""

    at: int
    key: str
    place: str
    what: str


def chronicle(records: Iterable[r.Record]) -> Iterator[Line]:
    """One line for each record, in order."""
    began: int | None = None
    for record in records:
        began = record.at if began is None else began
        event = decode(record)
        place = record.key.partition("/call/1/")[2] or record.key
        yield Line(record.at - began, record.key, place, _said(event))


def _said(event: r.Event) -> str:
    match event:
        case r.RunAccepted():
            return "the request is on disk"
        case r.EffectDone(kind="model"):
            answer = unpack_as(event.body, ModelResponse)
            return f"calls {', '.join(call.name for call in answer.tool_calls)}" if answer.tool_calls else "answers"
        case r.EffectIntended():
            return f"is about to begin (class {event.effect})"
        case r.EffectDone():
            return f"done in {event.ms} ms"
        case r.RunResumed():
            return "another process goes on from these records"
        case r.RunFinished():
            return event.status
        case _:
            return event.type
