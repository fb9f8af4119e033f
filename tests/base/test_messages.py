"""Messages, usage and envelopes: plain values that come back as they were."""

from __future__ import annotations

from perdure.base.codec import pack, to_json, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.messages import Image, Message, ModelResponse, Opaque, Text, Thinking, ToolCall, ToolResult
from perdure.base.usage import NO_USAGE, Usage

PARTS = (
    Thinking("hm", "seal"),
    Text("a"),
    ToolCall("1", "add", {"x": 1}),
    Image("image/png", b"\x89"),
    ToolResult("1", "add", (Text("2"),), True),
    Opaque("openai", {"id": 1}),
    Text("b"),
)


def test_parts_come_back_as_what_they_were():
    message = Message("assistant", PARTS)
    assert unpack_as(pack(message), Message) == message


def test_the_text_of_a_message_is_its_text_parts():
    assert Message("assistant", PARTS).text == ModelResponse(PARTS).text == "ab"


def test_a_response_names_its_tool_calls_and_its_usage():
    response = ModelResponse(PARTS)
    assert response.tool_calls == (ToolCall("1", "add", {"x": 1}),)
    assert response.used == NO_USAGE
    assert ModelResponse((), usage=Usage(1)).used == Usage(1)


def test_usage_adds_up_by_kind():
    assert Usage(1, 2, 3, 4, 5) + Usage(10, 20, 30, 40, 50) == Usage(11, 22, 33, 44, 55)


def test_an_envelope_says_from():
    envelope = Envelope("env_1", "ann", sender="bob", payload={"a": 1})
    assert to_json(envelope) == b'{"id":"env_1","to":"ann","payload":{"a":1},"from":"bob"}'
    assert unpack_as(pack(envelope), Envelope) == envelope
