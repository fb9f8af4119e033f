"""Records of the journal as people read them."""

from __future__ import annotations

import json

import msgspec
import pytest

from perdure.base.codec import pack
from perdure.base.usage import Usage
from perdure.kernel import records as r
from perdure.kernel.journal import encode
from perdure.namespace.services.record import line, shown


def record(event: r.Event, key: str = "k") -> r.Record:
    return encode(event, agent_id="bob", run_id="run_1", key=key, at=7)


def test_a_record_shows_what_it_says_and_nothing_else() -> None:
    done = r.EffectDone(kind="tool", digest="d", ms=3, usage=Usage(1, 2), body=msgspec.Raw(pack({"a": [1]})))
    found = json.loads(line(record(done)))
    assert found == {
        "seq": 0,
        "at": 7,
        "type": "effect.done",
        "run_id": "run_1",
        "key": "k",
        "kind": "tool",
        "digest": "d",
        "ms": 3,
        "cost": 0,
        "usage": {"input_tokens": 1, "output_tokens": 2},
        "body": {"a": [1]},
    }


def test_a_value_is_shown_as_text_where_it_is_text() -> None:
    text, binary = (r.ValueSet(digest="d", size=1, body=msgspec.Raw(pack(data))) for data in (b"hi", b"\xff"))
    assert shown(record(text))["body"] == "hi"
    assert json.loads(line(record(binary)))["body"] == "/w=="


@pytest.mark.parametrize(
    "event",
    [
        r.RunWaiting(waits=(r.Wait("w", "approval", about={"question": "?"}),)),
        r.AgentImported(source="eve", head=b"\x00\xff", records=7),
        r.AgentChanged(status="dormant", who="ann"),
        r.MountChanged(path="/memory", service="memory", access="disabled"),
        r.RunAccepted(spec="s", tools={"pay": "d"}),
        r.Checkpoint(body=msgspec.Raw(pack({"state": None}))),
    ],
)
def test_what_is_nested_or_binary_is_shown_too(event: r.Event) -> None:
    assert json.loads(line(record(event)))["type"] == event.type
