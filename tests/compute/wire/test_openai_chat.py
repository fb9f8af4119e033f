"""Chat Completions, as OpenAI documents it and as the servers speak it that are compatible."""

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
from perdure.compute.wire.openai_chat import OPENAI_CHAT, QUIRKS, Quirks

WEATHER = ToolDefinition("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
PROVIDERS = ["openai", "ollama", "vllm", "llamacpp", "groq", "deepseek"]
PROVIDERS += ["mistral", "together", "openrouter", "xai", "azure", "compatible"]


def user(*parts: Part) -> Message:
    return Message("user", parts)


def said(*parts: Part) -> Message:
    return Message("assistant", parts)


def told(*parts: Part) -> Message:
    return Message("tool", parts)


def ask(*messages: Message, provider: str = "openai", **options: Any) -> dict[str, Any]:
    """The body of a request to that provider."""
    request = ModelRequest(model="m", messages=messages or (user(Text("Hi")),), **options)
    decoded: dict[str, Any] = msgspec.json.decode(OPENAI_CHAT.request(request, QUIRKS[provider]).body)
    return decoded


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_question_is_a_post_of_messages() -> None:
    call = OPENAI_CHAT.request(ModelRequest(model="gpt-5-mini", messages=(user(Text("Hi")),), system="Be brief."), None)
    assert call.path == "/chat/completions"
    assert call.headers == {}
    assert msgspec.json.decode(call.body) == {
        "model": "gpt-5-mini",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    }


def test_settings_have_openai_s_names() -> None:
    body = ask(temperature=0.0, top_p=0.5, max_tokens=100, stop=("END",), reasoning_effort="low", thinking_tokens=9)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.0,
        "top_p": 0.5,
        "max_completion_tokens": 100,
        "stop": ["END"],
        "reasoning_effort": "low",
    }


def test_streaming_asks_for_usage() -> None:
    body = ask(stream=True)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in ask(stream=True, provider="mistral")


def test_tools_and_the_choice_of_them() -> None:
    body = ask(tools=(WEATHER,))
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "weather", "description": "Says the weather.", "parameters": WEATHER.parameters},
        }
    ]
    assert "tool_choice" not in body
    assert ask(tools=(WEATHER,), tool_choice="none")["tool_choice"] == "none"
    assert ask(tools=(WEATHER,), tool_choice="required")["tool_choice"] == "required"
    assert ask(tools=(WEATHER,), tool_choice="required", provider="mistral")["tool_choice"] == "any"
    forced = ask(tools=(WEATHER,), tool_choice="weather")["tool_choice"]
    assert forced == {"type": "function", "function": {"name": "weather"}}
    assert "tool_choice" not in ask(tool_choice="required")


def test_a_conversation_with_tools_goes_back_as_it_was() -> None:
    messages = ask(
        user(Text("Weather?")),
        said(
            Text("I look."), ToolCall("call_1", "weather", {"city": "Rome"}), ToolCall("call_2", "weather", "{broken")
        ),
        told(ToolResult("call_1", "weather", (Text("sunny"), Text("21 °C")))),
        told(ToolResult("call_2", "weather", (Text("bad JSON"),), error=True)),
        told(ToolResult("call_3", "weather", error=True)),
        told(ToolResult("call_4", "weather", (Text("Error: no"),), error=True)),
        Message("system", (Text("Be brief."),)),
    )["messages"]
    assert messages[1]["content"] == "I look."
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["call_1", "call_2"]
    assert messages[1]["tool_calls"][0]["type"] == "function"
    assert messages[1]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Rome"}'}
    assert messages[1]["tool_calls"][1]["function"]["arguments"] == "{broken"
    assert messages[2] == {"role": "tool", "tool_call_id": "call_1", "content": "sunny\n21 °C"}
    assert [message["content"] for message in messages[3:]] == ["Error: bad JSON", "Error", "Error: no", "Be brief."]
    assert messages[-1]["role"] == "system"


def test_a_message_that_only_calls_tools_has_no_content() -> None:
    calls = (user(Text("?")), said(ToolCall("call_1", "weather")))
    assert ask(*calls)["messages"][1]["content"] is None
    assert ask(*calls, provider="vllm")["messages"][1]["content"] == ""


def test_images_audio_and_files_go_in() -> None:
    message = user(
        Text("Look"),
        Image("image/png", url="https://example.com/a.png"),
        Image("image/png", b"\x89PNG"),
        Audio("audio/mpeg", b"ID3"),
        File("application/pdf", b"%PDF", name="a.pdf"),
    )
    assert ask(message)["messages"][0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "input_audio", "input_audio": {"data": "SUQz", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
    ]


@pytest.mark.parametrize(
    ("part", "provider"),
    [
        (Audio("audio/ogg", b"Ogg"), "openai"),
        (Audio("audio/mpeg", url="https://example.com/a.mp3"), "openai"),
        (File("application/pdf", url="https://example.com/a.pdf"), "openai"),
        (Image("image/png", b"\x89PNG"), "deepseek"),
    ],
)
def test_media_without_a_place_are_refused_before_the_call(part: Part, provider: str) -> None:
    with pytest.raises(InvalidRequest, match="takes no") as refused:
        ask(user(part), provider=provider)
    assert refused.value.facts["media_type"]


def test_images_that_a_tool_returned_follow_its_message() -> None:
    messages = ask(
        user(Text("?")),
        said(ToolCall("call_1", "shot"), ToolCall("call_2", "shot")),
        told(
            ToolResult("call_1", "shot", (Image("image/png", b"\x89PNG"),)),
            ToolResult("call_2", "shot", (Text("none"),)),
        ),
    )["messages"]
    assert [message["role"] for message in messages[2:]] == ["tool", "tool", "user"]
    assert messages[2]["content"] == "(What it returned besides follows.)"
    assert [piece["type"] for piece in messages[4]["content"]] == ["text", "image_url"]


def test_thinking_of_others_stays_here() -> None:
    messages = ask(
        user(Text("?")),
        said(Thinking("secret", "anthropic:sig"), Opaque("gemini", {"x": 1}), Text("Hello"), Thinking("plain")),
        user(),
        provider="openrouter",
    )["messages"]
    assert messages[1:] == [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": ""}]


def test_a_schema_is_strict_where_it_can_be() -> None:
    closed = {
        "type": "object",
        "properties": {"n": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
        "required": ["n"],
        "additionalProperties": False,
    }
    wanted = ask(output_schema=closed)["response_format"]
    assert wanted == {"type": "json_schema", "json_schema": {"name": "answer", "schema": closed, "strict": True}}
    open_inside = {**closed, "properties": {"n": {"type": "array", "items": {"type": "object"}}}}
    assert "strict" not in ask(output_schema=open_inside)["response_format"]["json_schema"]
    optional = {**closed, "required": []}
    assert "strict" not in ask(output_schema=optional)["response_format"]["json_schema"]
    assert "strict" not in ask(output_schema=closed, provider="ollama")["response_format"]["json_schema"]
    assert ask(output_schema=closed, provider="deepseek")["response_format"] == {"type": "json_object"}
    plain = msgspec.structs.replace(QUIRKS["openai"], output="none")
    request = ModelRequest(model="m", messages=(user(Text("Hi")),), output_schema=closed)
    assert "response_format" not in msgspec.json.decode(OPENAI_CHAT.request(request, plain).body)


def test_extra_goes_into_the_body_as_it_stands() -> None:
    body = ask(stream=True, extra={"seed": 7, "model": "other", "stream_options": {"include_obfuscation": False}})
    assert body["seed"] == 7
    assert body["model"] == "other"
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}


@pytest.mark.parametrize("text", ["lone \ud800 surrogate", object()])
def test_what_is_no_json_is_refused_before_the_call(text: Any) -> None:
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        ask(extra={"x": text})


# -- quirks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_can_be_asked(provider: str) -> None:
    body = ask(provider=provider, max_tokens=5, tools=(WEATHER,), stream=True)
    assert 5 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["messages"] == [{"role": "user", "content": "Hi"}]


def test_azure_puts_the_deployment_into_the_path() -> None:
    request = ModelRequest(model="my gpt/5", messages=(user(Text("Hi")),))
    path = OPENAI_CHAT.request(request, QUIRKS["azure"]).path
    assert path == "/openai/deployments/my%20gpt%2F5/chat/completions?api-version=2024-10-21"
    assert OPENAI_CHAT.request(request, QUIRKS["azure-v1"]).path == "/chat/completions"


def test_reasoning_is_asked_for_in_the_server_s_way() -> None:
    assert ask(provider="openrouter", reasoning_effort="high")["reasoning"] == {"effort": "high"}
    assert ask(provider="openrouter", thinking_tokens=2000)["reasoning"] == {"max_tokens": 2000}
    assert not {"reasoning", "reasoning_effort"} & ask(provider="mistral", reasoning_effort="high").keys()


def test_servers_that_parse_old_arguments_never_see_broken_ones() -> None:
    body = ask(user(Text("?")), said(ToolCall("c", "t", "{broken")), provider="llamacpp")
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"invalid_json":"{broken"}'


def test_mistral_gets_ids_of_nine_letters_that_match() -> None:
    turn = (said(ToolCall("call_0", "t")), told(ToolResult("call_0", "t", (Text("1"),))))
    messages = ask(user(Text("?")), *turn, *turn, told(ToolResult("lost", "t")), provider="mistral")["messages"]
    first, second = messages[1]["tool_calls"][0]["id"], messages[3]["tool_calls"][0]["id"]
    assert first != second
    assert all(len(id) == 9 and id.isalnum() for id in (first, second))
    assert [messages[2]["tool_call_id"], messages[4]["tool_call_id"]] == [first, second]
    assert messages[2]["name"] == "t"
    assert len(messages[5]["tool_call_id"]) == 9


def test_deepseek_s_reasoning_goes_back_beside_its_tool_calls(recorded: Any, fold: Any) -> None:
    thinking = fold(OPENAI_CHAT, recorded("openai_chat/deepseek_thinking.sse")).parts[0]
    call = ToolCall("c", "t")
    messages = ask(user(Text("?")), said(thinking, call), said(call), said(thinking), provider="deepseek")["messages"]
    assert messages[1]["reasoning_content"] == "9.11 has fewer tenths."
    assert messages[2]["reasoning_content"] == ""  # it must be there
    assert "reasoning_content" not in messages[3]
    assert "reasoning_content" not in ask(user(Text("?")), said(thinking, call), provider="vllm")["messages"][1]


def test_openrouter_s_reasoning_details_go_back_joined(recorded: Any, fold: Any) -> None:
    answer = fold(OPENAI_CHAT, recorded("openai_chat/openrouter_details.sse"))
    details = [
        {"type": "reasoning.text", "text": "Look it up.", "format": "google-gemini-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "CiQB", "id": "tool_0_look", "format": "google-gemini-v1", "index": 0},
    ]
    assert answer.parts == (
        Opaque("openai-chat", {"reasoning_details": details}),
        Thinking("Look it up.", "openai-chat:reasoning"),
        ToolCall("tool_0_look", "look"),
    )
    assert ask(said(*answer.parts), provider="openrouter")["messages"][0]["reasoning_details"] == details
    assert "reasoning_details" not in ask(said(*answer.parts))["messages"][0]


def test_developer_and_text_only_are_quirks() -> None:
    request = ModelRequest(model="m", messages=(user(Text("a"), Text("b")),), system="s")
    call = OPENAI_CHAT.request(request, Quirks(system_role="developer", text_only=True))
    assert msgspec.json.decode(call.body)["messages"] == [
        {"role": "developer", "content": "s"},
        {"role": "user", "content": "ab"},
    ]


# -- answers in one piece ---------------------------------------------------------------------------------------------


def test_a_text(recorded: Any) -> None:
    assert OPENAI_CHAT.response(recorded("openai_chat/text.json")) == ModelResponse(
        (Text("Hello! How can I assist you today?"),),
        "end",
        Usage(input_tokens=19, output_tokens=10),
        "gpt-5-mini-2025-08-07",
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    )


def test_tool_calls_keep_what_was_written(recorded: Any) -> None:
    answer = OPENAI_CHAT.response(recorded("openai_chat/tools.json"))
    assert answer.stop == "tool_calls"
    assert answer.tool_calls == (
        ToolCall("call_abc123", "get_current_weather", {"location": "Boston, MA"}),
        ToolCall("call_def456", "get_current_weather", '{"location": "Paris"'),
    )
    assert answer.usage == Usage(2082, 117, cached_tokens=1024, reasoning_tokens=64)


def test_ollama_s_calls_without_ids_and_with_objects(recorded: Any) -> None:
    answer = OPENAI_CHAT.response(recorded("openai_chat/ollama_tools.json"))
    assert answer.parts == (ToolCall("call_0", "get_time", {"zone": "UTC"}), ToolCall("call_1", "get_time"))
    assert answer.stop == "tool_calls"
    assert answer.usage is None


def test_mistral_s_thinking_inside_of_content(recorded: Any) -> None:
    answer = OPENAI_CHAT.response(recorded("openai_chat/mistral_thinking.json"))
    assert answer.parts == (Thinking("Let me think."), Text("It is 4."))
    assert answer.stop == "length"


def test_xai_counts_reasoning_apart(recorded: Any) -> None:
    usage = OPENAI_CHAT.response(recorded("openai_chat/xai_usage.json")).usage
    assert usage == Usage(32, 103, cached_tokens=6, reasoning_tokens=94)


def test_a_refusal_is_text_that_was_filtered(recorded: Any) -> None:
    answer = OPENAI_CHAT.response(recorded("openai_chat/refusal.json"))
    assert answer.text.startswith("I'm sorry")
    assert answer.stop == "filter"


def test_deepseek_s_own_count_of_cached_tokens() -> None:
    body = {"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}}
    answer = OPENAI_CHAT.response(msgspec.json.encode(body))
    assert answer.usage == Usage(9, 0, cached_tokens=4)
    assert answer.stop == "end"


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("stop", "end"), ("length", "length"), ("content_filter", "filter"), ("eos", "end"), ("strange", "other")],
)
def test_why_it_stopped(reason: str, stop: str) -> None:
    body = {"choices": [{"message": {"content": "x"}, "finish_reason": reason}]}
    assert OPENAI_CHAT.response(msgspec.json.encode(body)).stop == stop


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"choices": [',
        b"[]",
        b"{}",
        b'"\xff"',
        b'{"choices": 7}',
        b'{"choices": []}',
        b'{"choices": [{"index": 0}]}',
        b'{"error": null, "x": "\\ud800"}',
    ],
)
def test_garbage_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer) as invalid:
        OPENAI_CHAT.response(body)
    assert invalid.value.retryable
    assert "body" in invalid.value.facts


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": 429, "message": "slow down"}}, RateLimited),
        ({"error": {"code": "context_length_exceeded", "message": "too long"}}, ContextTooLong),
        ({"error": {"type": "invalid_request_error", "message": "no"}}, InvalidRequest),
        ({"error": {"message": "what?"}}, Overloaded),
        ({"choices": [{"error": {"code": 502, "message": "upstream"}, "finish_reason": "error"}]}, Overloaded),
        ({"choices": [{"message": {"content": "x"}, "finish_reason": "insufficient_system_resource"}]}, Overloaded),
    ],
)
def test_an_error_may_come_with_200(body: Any, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        OPENAI_CHAT.response(msgspec.json.encode(body))


# -- answers in pieces ------------------------------------------------------------------------------------------------


def test_a_streamed_text(recorded: Any, play: Any) -> None:
    response = ModelResponse((Text("Hello"),), "end", Usage(19, 10), "gpt-4o-mini", "chatcmpl-123")
    assert play(OPENAI_CHAT, recorded("openai_chat/text.sse")) == [
        TextDelta("Hel"),
        TextDelta("lo"),
        Finished(response),
    ]


def test_streamed_tool_calls(recorded: Any, play: Any) -> None:
    *deltas, last = play(OPENAI_CHAT, recorded("openai_chat/tools.sse"))
    assert deltas == [
        ToolCallDelta(0, "call_abc123", "get_current_weather"),
        ToolCallDelta(0, arguments='{"loca'),
        ToolCallDelta(0, arguments='tion":"Boston"}'),
        ToolCallDelta(1, "call_def456", "get_time"),
        ToolCallDelta(1, arguments="{}"),
    ]
    assert last.response.parts == (
        ToolCall("call_abc123", "get_current_weather", {"location": "Boston"}),
        ToolCall("call_def456", "get_time"),
    )
    assert last.response.stop == "tool_calls"


def test_streamed_thinking_bears_its_field_as_a_seal(recorded: Any, play: Any) -> None:
    deltas = play(OPENAI_CHAT, recorded("openai_chat/deepseek_thinking.sse"))
    assert deltas[:2] == [ThinkingDelta("9.11 has "), ThinkingDelta("fewer tenths.")]
    answer = deltas[-1].response
    assert answer.parts == (
        Thinking("9.11 has fewer tenths.", "openai-chat:reasoning_content"),
        Text("9.8 is greater."),
    )
    assert answer.usage == Usage(11, 40, cached_tokens=8, reasoning_tokens=30)


def chunk(choice: dict[str, Any] | None = None, **more: Any) -> str:
    return msgspec.json.encode({"choices": [{"index": 0, **choice}] if choice else [], **more}).decode()


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    decoder = OPENAI_CHAT.decoder()
    decoder.feed("", chunk({"delta": {"tool_calls": [{"id": "a", "function": {"name": "t", "arguments": '{"x":1}'}}]}}))
    decoder.feed("", chunk({"delta": {"tool_calls": [{"id": "b", "function": {"name": "t", "arguments": {"x": 2}}}]}}))
    decoder.feed("", chunk({"delta": {"tool_calls": [{"id": "b"}, {}]}, "finish_reason": "stop"}))
    (finished,) = decoder.end()
    assert isinstance(finished, Finished)
    assert finished.response.tool_calls == (ToolCall("a", "t", {"x": 1}), ToolCall("b", "t", {"x": 2}))
    assert decoder.end() == []
    assert decoder.feed("", "[DONE]") == []


def test_streamed_refusals_and_other_choices() -> None:
    decoder = OPENAI_CHAT.decoder()
    assert decoder.feed("", chunk({"delta": {"refusal": "No."}, "finish_reason": "stop"})) == [TextDelta("No.")]
    assert decoder.feed("", chunk({"index": 1, "delta": {"content": "other"}})) == []
    assert decoder.feed("", "") == []
    (finished,) = decoder.feed("", "[DONE]")
    assert isinstance(finished, Finished)
    assert finished.response.stop == "filter"
    assert finished.response.text == "No."


def test_a_stream_cut_anywhere_is_broken(recorded: Any, play: Any) -> None:
    stream = recorded("openai_chat/tools.sse")
    finish = stream.index(b'"finish_reason":"tool_calls"')
    for cut in range(0, finish, 97):
        with pytest.raises(BrokenStream):
            play(OPENAI_CHAT, stream[:cut])
    with pytest.raises(BrokenStream):
        play(OPENAI_CHAT, b"data: [DONE]\n\n")


def test_a_stream_may_close_without_a_word_after_its_end(recorded: Any, fold: Any) -> None:
    stream = recorded("openai_chat/text.sse").replace(b"data: [DONE]\n\n", b"")
    assert fold(OPENAI_CHAT, stream).text == "Hello"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"error": {"message": "slow", "type": "rate_limit_error", "code": null}}', RateLimited),
        ('{"error": {"message": "broken", "type": "server_error"}}', Overloaded),
        ('{"choices": [{"error": {"code": 400, "message": "no"}}]}', InvalidRequest),
        ('{"choices": [{"delta": {}, "finish_reason": "error"}]}', Overloaded),
        ('{"choices": [', InvalidAnswer),
        ("oops", InvalidAnswer),
    ],
)
def test_errors_inside_of_a_stream(data: str, kind: type[ModelError]) -> None:
    decoder = OPENAI_CHAT.decoder()
    decoder.feed("", chunk({"delta": {"content": "Hel"}}))
    with pytest.raises(kind):
        decoder.feed("", data)


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, "invalid_api_key", "Incorrect API key provided", AuthFailed),
        (404, "model_not_found", "The model `x` does not exist", ModelNotFound),
        (400, "context_length_exceeded", "Too long", ContextTooLong),
        (400, None, "The prompt triggered Azure OpenAI's content management policy.", ContentFiltered),
        (429, "rate_limit_exceeded", "Rate limit reached for gpt-4o", RateLimited),
        (503, None, "The engine is currently overloaded", Overloaded),
    ],
)
def test_refusals_are_typed(status: int, code: str | None, message: str, kind: type[ModelError]) -> None:
    headers = {"retry-after": "3", "x-request-id": "req_9"}
    body = {"error": {"message": message, "type": "some_error", "param": None, "code": code}}
    refused = OPENAI_CHAT.error(status, headers, msgspec.json.encode(body))
    assert type(refused) is kind
    assert refused.message == message
    assert refused.facts == {"status": status, "provider_code": code or "some_error", "request_id": "req_9"}
