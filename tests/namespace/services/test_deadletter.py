"""Dead letters: what a person does with them."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.base.codec import pack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import InputError, NoSuchFile
from perdure.kernel.store.ops import PutAgent, PutDeadLetter
from perdure.kernel.store.rows import AgentRow
from perdure.namespace.namespace import Namespace
from perdure.namespace.services.deadletter import deadletter_node


async def bury(office: Any, *envelopes: Envelope, reason: str = "expired") -> None:
    await office.commit(*(PutDeadLetter("bob", one.id, reason, 5, pack(one)) for one in envelopes))


async def test_letters_are_listed_counted_and_read(office: Any, served: Any, data: Any) -> None:
    letters: Namespace = await served(deadletter_node)
    await bury(office, Envelope("env_1", "bob", payload="one"), Envelope("odd/id", "bob", payload="two"))
    assert await letters.read("/count") == b"2\n"
    assert [(one["envelope_id"], one["reason"]) for one in data(await letters.read("/list"))] == [
        ("odd/id", "expired"),
        ("env_1", "expired"),
    ]
    assert [one["payload"] for one in data(await letters.read("/"))] == ["two", "one"]
    assert [one.name for one in await letters.list("/")] == ["count", "ctl", "env_1", "list"]
    assert data(await letters.read("/env_1"))["envelope"]["payload"] == "one"
    with pytest.raises(NoSuchFile):
        await letters.read("/env_2")


async def test_a_replay_has_nothing_of_what_stopped_the_message(office: Any, served: Any) -> None:
    letters: Namespace = await served(deadletter_node)
    await bury(office, Envelope("env_1", "bob", payload="one", sender="eve", hops=40, expires_at=1))
    await letters.write("/ctl", "replay env_1")
    (mail,) = await office.store.mail("bob", 9)
    envelope = unpack_as(mail.data, Envelope)
    assert (envelope.id, envelope.causation, envelope.payload, envelope.sender) == (
        "env_1.replay",
        "env_1",
        "one",
        "eve",
    )
    assert (envelope.hops, envelope.expires_at) == (0, None)
    assert await letters.read("/count") == b"0\n"


async def test_a_replay_that_was_cut_short_delivers_once(office: Any, served: Any) -> None:
    letters: Namespace = await served(deadletter_node)
    await bury(office, Envelope("env_1", "bob", payload="one"))
    await letters.write("/ctl", "replay env_1")
    await bury(office, Envelope("env_1", "bob", payload="one"))  # as if it had not been dropped
    await letters.write("/ctl", "replay env_1")
    assert await office.store.mail_count("bob") == 1


async def test_what_was_lost_on_its_way_is_replayed_to_whom_it_was_for(office: Any, served: Any) -> None:
    letters: Namespace = await served(deadletter_node)
    await office.commit(PutAgent(AgentRow("eve", "spec", 1)))
    await bury(office, Envelope("env_1", "eve", payload="one", sender="bob"), reason="unknown_agent")
    await letters.write("/ctl", "replay env_1")
    assert (await office.store.mail_count("bob"), await office.store.mail_count("eve")) == (0, 1)


async def test_several_commands_are_read_before_any_is_done(office: Any, served: Any) -> None:
    letters: Namespace = await served(deadletter_node)
    await bury(office, Envelope("env_1", "bob"), Envelope("env_2", "bob"))
    for wrong in ("discard env_1\nresend env_2", "discard", "replay \n"):
        with pytest.raises(InputError):
            await letters.write("/ctl", wrong)
    assert await letters.read("/count") == b"2\n"
    watch = await letters.watch("/")
    await letters.write("/ctl", "discard env_1\ndiscard env_2\n")
    told = [await anext(watch) for _ in range(2)]
    assert [(one.kind, one.path) for one in told] == [("deleted", ("env_1",)), ("deleted", ("env_2",))]
    assert await letters.read("/count") == b"0\n"
