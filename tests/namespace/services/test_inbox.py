"""An inbox: what may be written to it, and what it becomes."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.codec import unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, NoSuchFile
from perdure.namespace.namespace import Namespace
from perdure.namespace.services.inbox import inbox_node


@pytest.mark.parametrize(
    ("written", "payload"),
    [
        ("hello there", {"message": "hello there"}),
        ("hello there\n", {"message": "hello there"}),
        ("two\nlines\n", {"message": "two\nlines"}),
        ("{not json", {"message": "{not json"}),
        ('"text in JSON"', "text in JSON"),
        ("[1, 2]", [1, 2]),
        ('{"order": 7}', {"order": 7}),
        (
            '{"id": "o-7", "text": "with a field that no envelope has"}',
            {"id": "o-7", "text": "with a field that no envelope has"},
        ),
        ("null", None),
    ],
)
async def test_json_is_the_payload_and_text_a_message(office: Any, served: Any, written: str, payload: Any) -> None:
    inbox: Namespace = await served(inbox_node)
    await inbox.write("/", written)
    (mail,) = await office.store.mail("bob", 9)
    envelope = unpack_as(mail.data, Envelope)
    assert envelope.payload == payload
    assert (envelope.to, envelope.kind, envelope.sender) == ("bob", "message", "operator")
    assert (envelope.id, envelope.created_at) == (mail.envelope_id, office.clock.now())


async def test_an_envelope_is_taken_as_it_is(office: Any, served: Any, data: Any) -> None:
    inbox: Namespace = await served(inbox_node)
    written = (
        b'{"id": "o-7", "from": "shop", "kind": "event", "topic": "orders.paid", "payload": {"n": 7}, "priority": 5}'
    )
    answer = data(await inbox.call("/", written))
    assert answer["envelope_id"] == "o-7"
    (mail,) = await office.store.mail("bob", 9)
    envelope = unpack_as(mail.data, Envelope)
    assert envelope == Envelope(
        "o-7", "bob", "event", {"n": 7}, "shop", "orders.paid", priority=5, created_at=office.clock.now()
    )


@pytest.mark.parametrize(
    "wrong",
    [
        b" \n",
        b"\xff\xfe",
        b'{"id": 7}',
        b'{"id": ""}',
        b'{"id": "x", "to": "eve"}',
        b'{"id": "x", "priority": "high"}',
    ],
)
async def test_what_makes_no_sense_is_refused_and_not_delivered(office: Any, served: Any, wrong: bytes) -> None:
    inbox: Namespace = await served(inbox_node)
    with pytest.raises(InputError):
        await inbox.write("/new", wrong)
    assert await office.store.mail_count("bob") == 0


async def test_items_are_found_by_their_place_and_by_their_id(office: Any, served: Any, data: Any) -> None:
    inbox: Namespace = await served(inbox_node)
    for text in ("first", "second"):
        await inbox.write("/", text)
    first, second = data(await inbox.read("/"))
    assert data(await inbox.read("/1.json")) == second
    for name in (first["id"], f"{first['id']}.json"):
        assert data(await inbox.read(f"/{name}")) == first
    for name in ("2.json", "no such id"):
        with pytest.raises(NoSuchFile):
            await inbox.read(f"/{name}")


async def test_a_peek_shows_what_goes_first(office: Any, served: Any, data: Any) -> None:
    inbox: Namespace = await served(inbox_node)
    for id, priority in (("late", 90), ("soon", 1)):
        await inbox.write("/", f'{{"id": "{id}", "priority": {priority}}}')
    assert [one["id"] for one in data(await inbox.read("/"))] == ["soon", "late"]


async def test_who_watches_hears_of_a_delivery(served: Any) -> None:
    inbox: Namespace = await served(inbox_node)
    watch = await inbox.watch("/")
    await inbox.write("/", "hello")
    assert (await anext(watch)).kind == "modified"
    await watch.aclose()
