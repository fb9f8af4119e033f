"""OpenAI's Responses API, stateless."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perdure.base.errors import (
    AuthFailed,
    BrokenStream,
    ContentFiltered,
    ContextTooLong,
    InvalidAnswer,
    InvalidRequest,
    ModelError,
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
from perdure.compute.wire.openai_responses import OPENAI_RESPONSES, QUIRKS, Quirks

WEATHER = ToolDefinition("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
CLOSED = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


def user(*parts: Part) -> Message:
    return Message("user", parts)


def said(*parts: Part) -> Message:
    return Message("assistant", parts)


def told(*parts: Part) -> Message:
    return Message("tool", parts)


def ask(*messages: Message, quirks: Quirks | None = None, model: str = "gpt-5-mini", **options: Any) -> dict[str, Any]:
    request = ModelRequest(model=model, messages=messages or (user(Text("Hi")),), **options)
    decoded: dict[str, Any] = msgspec.json.decode(OPENAI_RESPONSES.request(request, quirks).body)
    return decoded


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_question_stores_nothing_and_asks_for_sealed_reasoning() -> None:
    request = ModelRequest(model="gpt-5-mini", messages=(user(Text("Hi")),), system="Be brief.")
    call = OPENAI_RESPONSES.request(request, QUIRKS["openai-responses"])
    assert call.path == "/responses"
    assert msgspec.json.decode(call.body) == {
        "model": "gpt-5-mini",
        "store": False,
        "input": [{"role": "user", "content": "Hi"}],
        "instructions": "Be brief.",
        "include": ["reasoning.encrypted_content"],
    }
    assert "include" not in ask(model="gpt-4o-mini")  # refuses to be asked


def test_settings_have_the_names_of_responses() -> None:
    body = ask(
        temperature=0.0, top_p=0.9, max_tokens=10, reasoning_effort="low", stream=True, extra={"truncation": "auto"}
    )
    assert {key: body[key] for key in body.keys() - {"model", "store", "input", "include"}} == {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_output_tokens": 10,
        "reasoning": {"effort": "low"},
        "stream": True,
        "truncation": "auto",
    }
    assert ask(quirks=Quirks(summary="auto"))["reasoning"] == {"summary": "auto"}


def test_stop_sequences_are_refused_before_the_call() -> None:
    with pytest.raises(InvalidRequest, match="no stop sequences"):
        ask(stop=("END",))


def test_tools_and_the_choice_of_them() -> None:
    body = ask(tools=(WEATHER,))
    assert body["tools"] == [
        {
            "type": "function",
            "name": "weather",
            "description": "Says the weather.",
            "parameters": WEATHER.parameters,
            "strict": False,
        }
    ]
    assert "tool_choice" not in body
    assert ask(tools=(WEATHER,), tool_choice="required")["tool_choice"] == "required"
    assert ask(tools=(WEATHER,), tool_choice="none")["tool_choice"] == "none"
    assert ask(tools=(WEATHER,), tool_choice="weather")["tool_choice"] == {"type": "function", "name": "weather"}


def test_a_schema_is_strict_where_it_can_be() -> None:
    wanted = ask(output_schema=CLOSED)["text"]["format"]
    assert wanted == {"type": "json_schema", "name": "answer", "schema": CLOSED, "strict": True}
    assert ask(output_schema={"type": "object"})["text"]["format"]["strict"] is False


def test_a_conversation_is_a_list_of_items() -> None:
    items = ask(
        user(Text("Weather?")),
        said(
            Text("I look."), ToolCall("call_1", "weather", {"city": "Rome"}), ToolCall("call_2", "weather", "{broken")
        ),
        told(
            ToolResult("call_1", "weather", (Text("sunny"), Image("image/png", b"\x89PNG"))),
            ToolResult("call_2", "weather", (Text("bad"),), error=True),
        ),
        told(ToolResult("call_3", "weather", (Image("image/png", url="https://example.com/a.png"),))),
        Message("system", (Text("Later."),)),
        user(),
    )["input"]
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw==", "detail": "auto"}
    assert items == [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "I look."},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": "{broken"},
        {
            "type": "function_call_output",
            "call_id": "call_1",
            "output": [{"type": "input_text", "text": "sunny"}, picture],
        },
        {"type": "function_call_output", "call_id": "call_2", "output": "Error: bad"},
        {
            "type": "function_call_output",
            "call_id": "call_3",
            "output": [{**picture, "image_url": "https://example.com/a.png"}],
        },
        {"role": "developer", "content": "Later."},
        {"role": "user", "content": ""},
    ]


def test_images_and_files_go_in() -> None:
    (item,) = ask(
        user(
            Text("Look"),
            File("application/pdf", b"%PDF", name="a.pdf"),
            File("application/pdf", url="https://example.com/a.pdf"),
        )
    )["input"]
    assert item["content"] == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ]
    with pytest.raises(InvalidRequest, match="takes no audio"):
        ask(user(Audio("audio/mpeg", b"ID3")))


def test_an_answer_goes_back_in_its_order(recorded: Any) -> None:
    answer = OPENAI_RESPONSES.response(recorded("openai_responses/tools.json"))
    first, *others = ask(said(*answer.parts))["input"]
    assert first == {
        "id": "rs_6820f383",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Thinking about weather."}],
        "encrypted_content": "gAAAAABoIPOE",
    }
    assert [item["call_id"] for item in others] == ["call_12345xyz", "call_2"]


def test_the_phase_goes_back_with_its_text(recorded: Any) -> None:
    answer = OPENAI_RESPONSES.response(recorded("openai_responses/phase.json"))
    assert answer.parts[0] == Opaque("openai-responses", {"phase": "commentary"})
    first, second = ask(said(*answer.parts))["input"]
    assert first == {"role": "assistant", "content": "In a peaceful grove.", "phase": "commentary"}
    assert second["type"] == "function_call"


def test_reasoning_of_others_or_not_sealed_stays_here() -> None:
    items = ask(
        said(
            Thinking("t", "anthropic:s"),
            Opaque("anthropic", {"type": "redacted_thinking"}),
            Opaque("openai-responses", {"type": "reasoning", "id": "rs_1", "summary": []}),
            Opaque("openai-responses", {"type": "web_search_call", "id": "ws_1"}),
            Text(""),
        )
    )["input"]
    assert items == [{"type": "web_search_call", "id": "ws_1"}]


# -- answers in one piece ---------------------------------------------------------------------------------------------


def test_a_text(recorded: Any) -> None:
    assert OPENAI_RESPONSES.response(recorded("openai_responses/text.json")) == ModelResponse(
        (Text("In a peaceful grove."),),
        "end",
        Usage(36, 87, cached_tokens=12, reasoning_tokens=64),
        "gpt-5-mini-2025-08-07",
        "resp_67ccd2bed1ec8190",
    )


def test_reasoning_and_tool_calls(recorded: Any) -> None:
    answer = OPENAI_RESPONSES.response(recorded("openai_responses/tools.json"))
    thinking, kept, *calls = answer.parts
    assert thinking == Thinking("Thinking about weather.")
    assert isinstance(kept, Opaque)
    assert kept.data["encrypted_content"] == "gAAAAABoIPOE"
    assert calls == [ToolCall("call_12345xyz", "get_weather", {"location": "Paris"}), ToolCall("call_2", "get_time")]
    assert answer.stop == "tool_calls"


def reply(output: list[Any], **more: Any) -> bytes:
    return msgspec.json.encode({"output": output, "status": "completed", **more})


@pytest.mark.parametrize(
    ("why", "stop"),
    [("max_output_tokens", "length"), ("content_filter", "filter"), ("steered", "other"), (None, "other")],
)
def test_why_it_is_incomplete(why: str | None, stop: str) -> None:
    details = {"reason": why} if why else None
    assert OPENAI_RESPONSES.response(reply([], status="incomplete", incomplete_details=details)).stop == stop


def test_a_refusal_is_text_that_was_filtered() -> None:
    body = reply([{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}])
    answer = OPENAI_RESPONSES.response(body)
    assert (answer.text, answer.stop, answer.usage) == ("No.", "filter", None)


def test_items_without_words_or_ids() -> None:
    body = reply([{"type": "message"}, {"type": "reasoning", "id": "rs_1"}, {"type": "function_call", "name": "t"}])
    kept = Opaque("openai-responses", {"type": "reasoning", "id": "rs_1"})
    assert OPENAI_RESPONSES.response(body).parts == (kept, ToolCall("call_2", "t"))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"output": [', b'{"output": [{}]}', b'{"output": [], "status": "queued"}']
)
def test_garbage_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        OPENAI_RESPONSES.response(body)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", Overloaded),
        ("rate_limit_exceeded", RateLimited),
        ("invalid_prompt", ContentFiltered),
        ("image_too_large", InvalidRequest),
        ("context_length_exceeded", ContextTooLong),
        (None, Overloaded),
    ],
)
def test_a_response_may_have_failed(code: str | None, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        OPENAI_RESPONSES.response(reply([], status="failed", error={"code": code, "message": "no"}))
    with pytest.raises(Overloaded, match="the response failed"):
        OPENAI_RESPONSES.response(reply([], status="failed"))


# -- answers in pieces ------------------------------------------------------------------------------------------------


def test_a_streamed_text(recorded: Any, play: Any) -> None:
    *deltas, last = play(OPENAI_RESPONSES, recorded("openai_responses/text.sse"))
    assert deltas == [TextDelta("In a peaceful"), TextDelta(" grove.")]
    assert last == Finished(OPENAI_RESPONSES.response(recorded("openai_responses/text.json")))


@pytest.mark.parametrize("name", ["tools", "tools_empty_end"])
def test_streamed_reasoning_and_tool_calls(recorded: Any, play: Any, name: str) -> None:
    *deltas, last = play(OPENAI_RESPONSES, recorded(f"openai_responses/{name}.sse"))
    assert deltas == [
        ThinkingDelta("Thinking about weather."),
        ToolCallDelta(0, "call_12345xyz", "get_weather"),
        ToolCallDelta(0, arguments='{"location":'),
        ToolCallDelta(0, arguments='"Paris"}'),
        ToolCallDelta(1, "call_2", "get_time"),
    ]
    assert last == Finished(OPENAI_RESPONSES.response(recorded("openai_responses/tools.json")))


def test_a_stream_cut_anywhere_is_broken(recorded: Any, play: Any) -> None:
    stream = recorded("openai_responses/tools.sse")
    for cut in range(0, len(stream) - 1, 397):
        with pytest.raises(BrokenStream):
            play(OPENAI_RESPONSES, stream[:cut])


def test_a_response_that_fails_in_the_middle(recorded: Any, play: Any) -> None:
    with pytest.raises(Overloaded, match="failed to generate"):
        play(OPENAI_RESPONSES, recorded("openai_responses/failed.sse"))


@pytest.mark.parametrize(
    ("event", "data", "kind"),
    [
        ("error", '{"type": "error", "code": "rate_limit_exceeded", "message": "slow"}', RateLimited),
        (
            "error",
            '{"error": {"type": "invalid_request_error", "code": "invalid_image", "message": "no"}}',
            InvalidRequest,
        ),
        ("", '{"error": {"message": "proxy", "code": 503}}', Overloaded),
        ("", "oops", InvalidAnswer),
        ("", '{"type": "response.output_item.added", "output_index": 0}', InvalidAnswer),
        ("", '{"type": "response.completed", "response": {"status": "completed"}}', InvalidAnswer),
    ],
)
def test_errors_inside_of_a_stream(event: str, data: str, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        OPENAI_RESPONSES.decoder().feed(event, data)


def test_events_without_a_word_say_nothing() -> None:
    decoder = OPENAI_RESPONSES.decoder()
    for kind in ("output_text.delta", "reasoning_text.delta", "function_call_arguments.delta", "completed", "new.kind"):
        assert decoder.feed("", msgspec.json.encode({"type": f"response.{kind}"}).decode()) == []
    assert decoder.feed("response.refusal.delta", '{"delta": "No."}') == [TextDelta("No.")]
    (finished,) = decoder.feed("", '{"type": "response.completed", "response": {"output": []}}')
    assert isinstance(finished, Finished)
    assert finished.response == ModelResponse(())
    assert decoder.feed("", "oops") == []
    assert decoder.end() == []


def test_refusals_are_typed() -> None:
    body = b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}'
    refused = OPENAI_RESPONSES.error(401, {"x-request-id": "req_1"}, body)
    assert isinstance(refused, AuthFailed)
    assert refused.facts["request_id"] == "req_1"
