"""`inbox/`: what waits for an agent; writing there delivers.

A write is one message: an envelope in JSON, any other JSON, which is its payload, or text. The answer on the same
handle names the envelope and the run that it is to begin; both are on disk then. File systems write to `inbox/new`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from perdure.base.codec import from_json, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError
from perdure.kernel.records import MessageReceived, Record, RunAccepted
from perdure.kernel.store.rows import Mail, RecordFilter

from ..node import Document, Folder, json_document, json_text
from ..path import ROOT
from ..port import Change, Entry
from .desk import OPERATOR, Desk
from .status import agent_of
from .watching import follow

SHOWN = 4_096
"""Envelopes shown at most."""
_FIELDS = {field.encode_name for field in msgspec.structs.fields(Envelope)}
_PLACE = re.compile(r"(\d{1,9})\.json")


def inbox_node(agent_id: str, desk: Desk) -> Folder:
    async def mail() -> list[Mail]:
        return await desk.store.mail(agent_id, SHOWN)

    async def peek() -> list[dict[str, Any]]:
        return [letter(one.data) for one in await mail()]

    async def names() -> Iterable[Entry]:
        return [Entry(f"{place}.json", False) for place in range(min(SHOWN, await desk.store.mail_count(agent_id)))]

    async def child(name: str) -> Document | None:
        place = _PLACE.fullmatch(name)
        found = [
            one
            for number, one in enumerate(await mail())
            if (number == int(place[1]) if place else one.envelope_id == name.removesuffix(".json"))
        ]
        return _letter(found[0]) if found else None

    async def deliver(data: bytes) -> bytes:
        envelope = envelope_of(data, agent_id, desk)
        run = await desk.deliver(envelope)
        return json_text({"envelope_id": envelope.id, "run_id": run.id, "status": run.status})

    async def overflow() -> dict[str, Any]:
        terms = await desk.terms(await agent_of(desk, agent_id))
        return {"max_depth": terms.capacity, "policy": terms.policy}

    filter = RecordFilter(agent_id, types=(RunAccepted.type, MessageReceived.type))
    return Folder(
        {"new": Document(call=deliver), "overflow": json_document(overflow)},
        names=names,
        child=child,
        watch=follow(desk, filter, _told),
        itself=Document(read=json_document(peek).read, call=deliver),
    )


def envelope_of(data: bytes, agent_id: str, desk: Desk) -> Envelope:
    """What was written, as an envelope for this agent. Raises InputError."""
    try:
        text = data.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise InputError("a message is text in UTF-8", hint="Put binary content into a file, and name it.") from error
    if not text.strip():
        raise InputError("the message is empty", hint="Write JSON or text.")
    try:
        said = from_json(text)
    except msgspec.DecodeError:
        said = {"message": text}
    if isinstance(said, dict) and "id" in said and _FIELDS.issuperset(said):
        return _addressed(said, agent_id, desk)
    return Envelope(desk.ids.new("env"), agent_id, payload=said, sender=desk.who, created_at=desk.clock.now())


def letter(data: bytes) -> dict[str, Any]:
    """A packed envelope as plain data."""
    found: dict[str, Any] = msgspec.to_builtins(unpack_as(data, Envelope), builtin_types=(bytes,))
    return found


def _addressed(said: dict[str, Any], agent_id: str, desk: Desk) -> Envelope:
    filled = {"to": agent_id, "from": desk.who, "created_at": desk.clock.now()} | said
    if desk.who != OPERATOR:
        filled["from"] = desk.who  # only an operator may speak for others
    try:
        envelope = msgspec.convert(filled, Envelope)
    except msgspec.ValidationError as error:
        raise InputError(f"it is not an envelope: {error}") from error
    if not envelope.id:
        raise InputError("an envelope needs an id")
    if envelope.to != agent_id:
        raise InputError(f"the envelope is for {envelope.to}, and this is the inbox of {agent_id}")
    return envelope


def _letter(mail: Mail) -> Document:
    async def read() -> bytes:
        return json_text(letter(mail.data))

    return Document(read=read)


def _told(record: Record) -> Change:
    return Change("modified", ROOT, record.seq)
