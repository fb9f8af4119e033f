"""`outbox`: what an agent has sent, from its journal. A watcher is given each message as a line of JSON."""

from __future__ import annotations

from typing import Any

from perdure.base.codec import to_json, unpack
from perdure.kernel.journal import decode
from perdure.kernel.records import MessageSent, Record
from perdure.kernel.store.rows import RecordFilter

from ..node import Document, json_document
from .desk import Desk
from .watching import follow

SHOWN = 512
"""Messages shown at most, the newest first."""


def outbox_node(agent_id: str, desk: Desk) -> Document:
    filter = RecordFilter(agent_id, types=(MessageSent.type,))

    async def sent() -> list[dict[str, Any]]:
        return [_shown(record) for record in await desk.store.records(filter, limit=SHOWN, order="newest")]

    def told(record: Record) -> bytes:
        return to_json(_shown(record)) + b"\n"

    return json_document(sent, watch=follow(desk, filter, told))


def _shown(record: Record) -> dict[str, Any]:
    event = decode(record)
    assert isinstance(event, MessageSent)
    return {
        "seq": record.seq,
        "at": record.at,
        "run_id": record.run_id,
        "key": record.key,
        "to": event.to,
        "envelope_id": unpack(event.body),
    }
