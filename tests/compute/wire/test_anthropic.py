"""Anthropic's Messages."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perdure.base.errors import (
    AuthFailed,
    BrokenStream,
    ContextTooLong,
    InvalidAnswer,
    InvalidRequest,
    ModelError,
    ModelNotFound,
    Overloaded,
    RateLimited,
)
from perdure.base.messages import (
    Audio,
    File,
    Finished,
    Image,
    Message,
    ModelRequest,
    ModelResponse,
    Opaque,
    Part,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCall,
    ToolCallDelta,
    ToolDefinition,
    ToolResult,
)
from perdure.base.usage import Usage
from perdure.compute.wire.anthropic import ANTHROPIC, QUIRKS, Quirks

WEATHER = ToolDefinition("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
PLAIN = Quirks(cache=False)
EPHEMERAL = {"type": "ephemeral"}


def user(*parts: Part) -> Message:
    return Message("user", parts)


def said(*parts: Part) -> Message:
    return Message("assistant", parts)


def told(*parts: Part) -> Message:
    return Message("tool", parts)


def ask(*messages: Message, quirks: Quirks = PLAIN, model: str = "claude-sonnet-4-5", **options: Any) -> dict[str, Any]:
    request = ModelRequest(model=model, messages=messages or (user(Text("Hi")),), **options)
    decoded: dict[str, Any] = msgspec.json.decode(ANTHROPIC.request(request, quirks).body)
    return decoded


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_question_names_the_version_and_a_limit() -> None:
    call = ANTHROPIC.request(
        ModelRequest(model="claude-sonnet-4-5", messages=(user(Text("Hi")),), system="Be brief."), PLAIN
    )
    assert call.path == "/messages"
    assert call.headers == {"anthropic-version": "2023-06-01"}
    assert msgspec.json.decode(call.body) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }


def test_settings_have_anthropic_s_names() -> None:
    body = ask(temperature=0.0, top_p=0.9, max_tokens=10, stop=("END",), reasoning_effort="low", stream=True)
    assert {
        key: body[key] for key in ("temperature", "top_p", "max_tokens", "stop_sequences", "output_config", "stream")
    } == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 10,
        "stop_sequences": ["END"],
        "output_config": {"effort": "low"},
        "stream": True,
    }


def test_thinking_leaves_room_for_the_answer() -> None:
    body = ask(thinking_tokens=2000)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert body["max_tokens"] == 6096
    assert ask(thinking_tokens=2000, max_tokens=3000)["max_tokens"] == 3000


def test_tools_and_the_choice_of_them() -> None:
    body = ask(tools=(WEATHER,))
    assert body["tools"] == [
        {"name": "weather", "description": "Says the weather.", "input_schema": WEATHER.parameters}
    ]
    assert "tool_choice" not in body
    assert ask(tools=(WEATHER,), tool_choice="required")["tool_choice"] == {"type": "any"}
    assert ask(tools=(WEATHER,), tool_choice="none")["tool_choice"] == {"type": "none"}
    assert ask(tools=(WEATHER,), tool_choice="weather")["tool_choice"] == {"type": "tool", "name": "weather"}


def test_the_cache_is_marked_after_tools_system_and_the_last_user_turn() -> None:
    messages = (user(Text("One")), said(Text("Two")), user(Text("Three"), Text("Four")), said(Text("Five")))
    body = ask(*messages, quirks=QUIRKS["anthropic"], system="S", tools=(WEATHER, WEATHER))
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, EPHEMERAL]
    assert body["system"] == [{"type": "text", "text": "S", "cache_control": EPHEMERAL}]
    assert body["messages"][2]["content"][1]["cache_control"] == EPHEMERAL
    assert sum(str(turn).count("cache_control") for turn in body["messages"]) == 1
    assert "cache_control" not in str(ask(*messages, system="S", tools=(WEATHER,)))
    assert "cache_control" not in str(ask(said(Text("Only me")), quirks=QUIRKS["anthropic"]))


def test_turns_take_each_other_s_place_and_results_come_first() -> None:
    turns = ask(
        Message("system", (Text("Before."),)),
        user(Text("Weather?")),
        said(
            Text("I look."), ToolCall("toolu_1", "weather", {"city": "Rome"}), ToolCall("toolu_2", "weather", "{broken")
        ),
        told(ToolResult("toolu_1", "weather", (Text("sunny"), Image("image/png", b"\x89PNG")))),
        told(ToolResult("toolu_2", "weather", (Text("bad"),), error=True)),
        user(Text("And now?")),
        told(ToolResult("toolu_2", "weather", error=True), ToolResult("toolu_2", "weather")),
        Message("system", (Text("Later."),)),
        system="First.",
    )
    assert turns["system"] == "First.\n\nBefore."
    assert [turn["role"] for turn in turns["messages"]] == ["user", "assistant", "user"]
    assert turns["messages"][1]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
        {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"invalid_json": "{broken"}},
    ]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}}
    error = {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True}
    assert turns["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}, image]},
        {**error, "content": [{"type": "text", "text": "bad"}]},
        {**error, "content": [{"type": "text", "text": "Error"}]},
        {"type": "tool_result", "tool_use_id": "toolu_2"},
        {"type": "text", "text": "And now?"},
        {"type": "text", "text": "Later."},
    ]


def test_blank_text_and_empty_messages_are_left_out() -> None:
    turns = ask(user(Text("Hi"), Text(" \n")), said(Text("")), user(Text("Again")))["messages"]
    assert turns == [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "Again"}]}]


def test_ids_of_other_vendors_become_unique_and_plain() -> None:
    turn = (said(ToolCall("call_0", "t")), told(ToolResult("call_0", "t", (Text("x"),))))
    odd = (said(ToolCall("functions.look:0", "t")), told(ToolResult("functions.look:0", "t", (Text("x"),))))
    turns = ask(user(Text("?")), *turn, *turn, *odd, said(ToolCall("", "t")))["messages"]
    ids = [turn["content"][0].get("id") or turn["content"][0]["tool_use_id"] for turn in turns[1:]]
    assert ids == ["call_0", "call_0", "call_0-1", "call_0-1", "functions_look_0", "functions_look_0", "call"]


def test_images_and_documents_go_in() -> None:
    (turn,) = ask(
        user(
            Image("image/png", url="https://example.com/a.png"),
            File("application/pdf", b"%PDF", name="a.pdf"),
            File("application/pdf", url="https://example.com/a.pdf"),
            File("text/markdown", b"# Hi"),
        )
    )["messages"]
    assert turn["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# Hi"}},
    ]


@pytest.mark.parametrize("part", [Audio("audio/mpeg", b"ID3"), File("application/zip", b"PK")])
def test_media_without_a_place_are_refused_before_the_call(part: Part) -> None:
    with pytest.raises(InvalidRequest, match="Anthropic takes no"):
        ask(user(part))


def test_thinking_goes_back_to_its_maker_alone() -> None:
    (_, turn) = ask(
        user(Text("?")),
        said(
            Thinking("mine", "anthropic:sig"),
            Opaque("anthropic", {"type": "redacted_thinking", "data": "x"}),
            Thinking("theirs", "gemini:sig"),
            Thinking("unsealed"),
            Opaque("gemini", {"thoughtSignature": "x"}),
            Text("Hello"),
        ),
    )["messages"]
    assert turn["content"] == [
        {"type": "thinking", "thinking": "mine", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Hello"},
    ]


def test_an_answer_goes_back_as_it_came(recorded: Any) -> None:
    body = recorded("anthropic/tools.json")
    _, turn = ask(user(Text("?")), said(*ANTHROPIC.response(body).parts))["messages"]
    assert turn["content"] == msgspec.json.decode(body)["content"]


def test_what_came_is_not_changed_by_marking_the_cache() -> None:
    opaque = Opaque("anthropic", {"type": "container_upload", "file_id": "file_1"})
    body = ask(user(opaque), quirks=QUIRKS["anthropic"])
    assert body["messages"][0]["content"][0]["cache_control"] == EPHEMERAL
    assert opaque.data == {"type": "container_upload", "file_id": "file_1"}


SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "integer", "minimum": 0},
        "rows": {"type": "array", "minItems": 1, "maxItems": 5, "items": {"$ref": "#/$defs/row"}},
        "kind": {"oneOf": [{"const": "a"}, {"type": "string", "maxLength": 3}]},
        "both": {"allOf": [True, {"type": "object"}]},
    },
    "required": ["total"],
    "$defs": {"row": {"type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": True}},
}


def test_a_schema_is_closed_and_cut_to_what_is_taken() -> None:
    wanted = ask(output_schema=SCHEMA, reasoning_effort="low")["output_config"]
    assert wanted["effort"] == "low"
    assert wanted["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "total": {"type": "integer"},
                "rows": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/row"}},
                "kind": {"anyOf": [{"const": "a"}, {"type": "string"}]},
                "both": {"allOf": [True, {"type": "object", "additionalProperties": False}]},
            },
            "required": ["total"],
            "$defs": {
                "row": {"type": "object", "properties": {"n": {"type": "number"}}, "additionalProperties": False}
            },
            "additionalProperties": False,
        },
    }


def test_where_there_is_no_format_a_tool_takes_the_answer(recorded: Any, play: Any) -> None:
    old = ask(output_schema=SCHEMA, model="claude-3-5-haiku-latest")
    assert old["tools"] == [
        {"name": "give_final_answer", "description": "Gives the final answer.", "input_schema": SCHEMA}
    ]
    assert old["tool_choice"] == {"type": "tool", "name": "give_final_answer"}
    tool = Quirks(cache=False, output="tool")
    assert ask(output_schema=SCHEMA, quirks=tool, tools=(WEATHER,))["tool_choice"] == {"type": "any"}
    ended = ask(output_schema=SCHEMA, quirks=tool, tools=(WEATHER,), tool_choice="none")
    assert ended["tool_choice"] == {"type": "tool", "name": "give_final_answer"}
    assert "tool_choice" not in ask(output_schema=SCHEMA, quirks=tool, thinking_tokens=1024)

    *deltas, last = play(ANTHROPIC, recorded("anthropic/answer_tool.sse"))
    assert deltas == [TextDelta('{"total": '), TextDelta("3}")]
    assert last.response.parts == (Text('{"total": 3}'),)
    assert last.response.stop == "end"
    block = {"type": "tool_use", "id": "t", "name": "give_final_answer", "input": {"total": 3}}
    whole = ANTHROPIC.response(msgspec.json.encode({"content": [block], "stop_reason": "tool_use"}))
    assert (whole.parts, whole.stop) == ((Text('{"total":3}'),), "end")


# -- answers in one piece ---------------------------------------------------------------------------------------------


def test_a_text_with_input_counted_in_full(recorded: Any) -> None:
    assert ANTHROPIC.response(recorded("anthropic/text.json")) == ModelResponse(
        (Text("Hi! My name is Claude."),),
        "end",
        Usage(2050, 503, cached_tokens=1800, cache_write_tokens=200, reasoning_tokens=420),
        "claude-sonnet-4-5-20250929",
        "msg_013Zva2CMHLNnXjNJJKqJ2EF",
    )


def test_thinking_and_tool_calls(recorded: Any) -> None:
    answer = ANTHROPIC.response(recorded("anthropic/tools.json"))
    assert answer.parts == (
        Thinking("I need the weather.", "anthropic:EqQBCgIYAhIM1gbcDa9GJwZA2b3h"),
        Opaque("anthropic", {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}),
        Text("I'll check."),
        ToolCall("toolu_01A09q90qw90lq917835lq9", "get_weather", {"location": "San Francisco, CA", "unit": "celsius"}),
        ToolCall("toolu_02", "get_time"),
    )
    assert answer.stop == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "filter"),
        ("pause_turn", "other"),
        (None, "end"),
    ],
)
def test_why_it_stopped(reason: str | None, stop: str) -> None:
    answer = ANTHROPIC.response(msgspec.json.encode({"content": [{"type": "text", "text": ""}], "stop_reason": reason}))
    assert (answer.parts, answer.stop, answer.usage) == ((), stop, None)


def test_a_call_without_an_id_gets_one() -> None:
    block = {"type": "tool_use", "name": "t", "input": None}
    assert ANTHROPIC.response(msgspec.json.encode({"content": [block]})).parts == (ToolCall("call_0", "t"),)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"content": [', b"{}", b'{"content": [{}]}', b'{"content": "x"}'])
def test_garbage_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        ANTHROPIC.response(body)


def test_an_error_may_come_with_200() -> None:
    with pytest.raises(RateLimited):
        ANTHROPIC.response(b'{"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}')


# -- answers in pieces ------------------------------------------------------------------------------------------------


def test_a_streamed_text(recorded: Any, play: Any) -> None:
    response = ModelResponse(
        (Text("Hello!"),),
        "end",
        Usage(125, 15, cached_tokens=100),
        "claude-sonnet-4-5-20250929",
        "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY",
    )
    assert play(ANTHROPIC, recorded("anthropic/text.sse")) == [TextDelta("Hello"), TextDelta("!"), Finished(response)]


def test_streamed_thinking_and_tool_calls(recorded: Any, play: Any) -> None:
    *deltas, last = play(ANTHROPIC, recorded("anthropic/tools.sse"))
    assert deltas == [
        ThinkingDelta("27 * 453 is "),
        ThinkingDelta("12231."),
        TextDelta("Okay"),
        TextDelta(", let me check."),
        ToolCallDelta(0, "toolu_01T1x1fJ34qAmk2tNTrN7Up6", "get_weather"),
        ToolCallDelta(0, arguments='{"location":'),
        ToolCallDelta(0, arguments=' "San Francisco, CA"}'),
        ToolCallDelta(1, "toolu_02", "get_time"),
    ]
    assert last.response.parts == (
        Thinking("27 * 453 is 12231.", "anthropic:EqQBCgIYAhIM"),
        Opaque("anthropic", {"type": "redacted_thinking", "data": "EmwKAhgB"}),
        Text("Okay, let me check."),
        ToolCall("toolu_01T1x1fJ34qAmk2tNTrN7Up6", "get_weather", {"location": "San Francisco, CA"}),
        ToolCall("toolu_02", "get_time"),
    )
    assert last.response.stop == "tool_calls"


def test_blocks_without_a_word_of_ours_are_kept_whole(recorded: Any, fold: Any) -> None:
    answer = fold(ANTHROPIC, recorded("anthropic/search.sse"))
    search, found, text = answer.parts
    assert search.data == {
        "type": "server_tool_use",
        "id": "srvtoolu_01",
        "name": "web_search",
        "input": {"query": "weather"},
    }
    assert found.data["content"][0]["encrypted_content"] == "Ev0D"
    assert text == Text("Sunny.")
    assert answer.stop == "other"
    assert answer.usage == Usage(500, 60, cached_tokens=100, reasoning_tokens=20)


def test_a_stream_cut_anywhere_is_broken(recorded: Any, play: Any) -> None:
    stream = recorded("anthropic/tools.sse")
    for cut in range(0, len(stream) - 1, 101):
        with pytest.raises(BrokenStream):
            play(ANTHROPIC, stream[:cut])


def test_an_error_inside_of_a_stream(recorded: Any, play: Any) -> None:
    with pytest.raises(Overloaded, match="Overloaded") as overloaded:
        play(ANTHROPIC, recorded("anthropic/overloaded.sse"))
    assert overloaded.value.facts["status"] == 529


@pytest.mark.parametrize(
    "data",
    [
        "oops",
        '{"type": "content_block_delta", "index": 4, "delta": {"type": "text_delta", "text": "x"}}',
        '{"type": "content_block_start", "index": 0}',
        '{"type": "content_block_start", "index": 0, "content_block": {}}',
    ],
)
def test_events_out_of_order_are_an_invalid_answer(data: str) -> None:
    with pytest.raises(InvalidAnswer):
        ANTHROPIC.decoder().feed("", data)


def test_after_the_end_nothing_counts() -> None:
    decoder = ANTHROPIC.decoder()
    decoder.feed("", '{"type": "message_delta", "usage": {"output_tokens": 3}}')
    assert decoder.feed("", "") == []
    (finished,) = decoder.feed("message_stop", '{"type": "message_stop"}')
    assert isinstance(finished, Finished)
    assert finished.response == ModelResponse((), "end", Usage(0, 3))
    assert decoder.feed("", "oops") == []
    assert decoder.end() == []


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "type_", "message", "kind"),
    [
        (400, "invalid_request_error", "messages: roles must alternate", InvalidRequest),
        (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum", ContextTooLong),
        (401, "authentication_error", "invalid x-api-key", AuthFailed),
        (403, "permission_error", "not allowed", AuthFailed),
        (404, "not_found_error", "model: claude-x", ModelNotFound),
        (413, "request_too_large", "Request exceeds the maximum size", ContextTooLong),
        (429, "rate_limit_error", "slow down", RateLimited),
        (500, "api_error", "Internal server error", Overloaded),
        (529, "overloaded_error", "Overloaded", Overloaded),
    ],
)
def test_refusals_are_typed(status: int, type_: str, message: str, kind: type[ModelError]) -> None:
    body = {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    refused = ANTHROPIC.error(status, {"retry-after": "12"}, msgspec.json.encode(body))
    assert type(refused) is kind
    assert refused.message == message
    assert refused.facts == {"status": status, "provider_code": type_, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    if isinstance(refused, (RateLimited, Overloaded)):
        assert refused.retry_after == 12.0
