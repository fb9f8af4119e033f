"""`deadletter/`: messages that could not be delivered or used, until a person decides what becomes of them.

`ctl` takes a command a line: `replay <id>` delivers the message anew, under an id of its own that names the old one, so
that replaying it twice delivers it once; `discard <id>` forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, NoSuchFile
from perdure.kernel.journal import decode, encode
from perdure.kernel.records import MessageDropped, Record
from perdure.kernel.store.ops import Append, DropDeadLetter
from perdure.kernel.store.rows import DeadLetter, RecordFilter

from ..node import Document, Folder, json_document, json_text
from ..path import ROOT, what_is_wrong
from ..port import Change, Entry
from .desk import Desk
from .inbox import letter
from .watching import follow

SHOWN = 1_024
"""Dead letters shown at most, the newest first."""
_GONE = ("discarded", "replayed")


def deadletter_node(agent_id: str, desk: Desk) -> Folder:
    async def letters() -> list[DeadLetter]:
        return await desk.store.dead_letters(agent_id, SHOWN)

    async def envelopes() -> list[dict[str, Any]]:
        return [letter(one.data) for one in await letters()]

    async def overview() -> list[dict[str, Any]]:
        return [_shown(one) for one in await letters()]

    async def count() -> bytes:
        return b"%d\n" % await desk.store.dead_letter_count(agent_id)

    async def names() -> Iterable[Entry]:
        found = [one for one in await letters() if not what_is_wrong(one.envelope_id)]
        return [Entry(one.envelope_id, False, None, one.at) for one in found]

    async def child(name: str) -> Document | None:
        found = await desk.store.dead_letter(agent_id, name)
        return None if found is None else _document(found)

    async def command(data: bytes) -> None:
        for verb, envelope_id in _commands(data):
            found = await desk.store.dead_letter(agent_id, envelope_id)
            if found is None:
                raise NoSuchFile(f"there is no dead letter {envelope_id}")
            if verb == "replay":
                await desk.deliver(_anew(found, desk))
            await _drop(desk, found, "replayed" if verb == "replay" else "discarded")

    return Folder(
        {
            "list": json_document(overview),
            "count": Document(read=count),
            "ctl": Document(write=command),
        },
        names=names,
        child=child,
        watch=follow(desk, RecordFilter(agent_id, types=(MessageDropped.type,)), _told),
        itself=json_document(envelopes),
    )


def _shown(found: DeadLetter) -> dict[str, Any]:
    return {
        "envelope_id": found.envelope_id,
        "reason": found.reason,
        "at": found.at,
        "envelope": letter(found.data),
    }


def _document(found: DeadLetter) -> Document:
    async def read() -> bytes:
        return json_text(_shown(found))

    return Document(read=read, modified_at=found.at)


def _commands(data: bytes) -> list[tuple[str, str]]:
    """All commands, or none where one of them makes no sense."""
    found: list[tuple[str, str]] = []
    for line in data.decode(errors="replace").splitlines():
        verb, _, envelope_id = line.strip().partition(" ")
        if verb not in ("replay", "discard") or not envelope_id:
            raise InputError(f"not a command: {line!r}", hint="Write `replay <id>` or `discard <id>`.")
        found.append((verb, envelope_id.strip()))
    return found


def _anew(found: DeadLetter, desk: Desk) -> Envelope:
    """The message as it is sent again: without what stopped it."""
    envelope = unpack_as(found.data, Envelope)
    return replace(
        envelope,
        id=f"{envelope.id}.replay",
        causation=envelope.id,
        hops=0,
        expires_at=None,
        created_at=desk.clock.now(),
    )


async def _drop(desk: Desk, found: DeadLetter, reason: str) -> None:
    event = MessageDropped(envelope=found.envelope_id, reason=reason)
    record = encode(event, agent_id=found.agent_id, run_id="", key="", at=desk.clock.now())
    await desk.store.commit([DropDeadLetter(found.agent_id, found.envelope_id), Append(found.agent_id, (record,))])
    desk.news.notify()


def _told(record: Record) -> Change | None:
    event = decode(record)
    assert isinstance(event, MessageDropped)
    path = ROOT if what_is_wrong(event.envelope) else (event.envelope,)
    return Change("deleted" if event.reason in _GONE else "created", path, record.seq)
