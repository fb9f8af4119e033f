"""Gemini's generateContent."""

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
from perdure.compute.wire.gemini import GEMINI, QUIRKS, Quirks
from perdure.compute.wire.gemini.schema import openapi_schema

WEATHER = ToolDefinition("weather", "Says the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
NOW = ToolDefinition("now", "Tells the time.", {"type": "object", "properties": {}})


def user(*parts: Part) -> Message:
    return Message("user", parts)


def said(*parts: Part) -> Message:
    return Message("assistant", parts)


def told(*parts: Part) -> Message:
    return Message("tool", parts)


def ask(
    *messages: Message, quirks: Quirks | None = None, model: str = "gemini-2.5-flash", **options: Any
) -> dict[str, Any]:
    request = ModelRequest(model=model, messages=messages or (user(Text("Hi")),), **options)
    decoded: dict[str, Any] = msgspec.json.decode(GEMINI.request(request, quirks).body)
    return decoded


# -- asking -----------------------------------------------------------------------------------------------------------


def test_a_question_names_the_model_in_its_path() -> None:
    request = ModelRequest(model="models/gemini-2.5-flash", messages=(user(Text("Hi")),), system="Be brief.")
    call = GEMINI.request(request, QUIRKS["gemini"])
    assert call.path == "/models/gemini-2.5-flash:generateContent"
    assert msgspec.json.decode(call.body) == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
    }
    streamed = msgspec.structs.replace(request, stream=True)
    assert GEMINI.request(streamed, None).path == "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    vertex = GEMINI.request(request, QUIRKS["vertex"]).path
    assert vertex == "/publishers/google/models/gemini-2.5-flash:generateContent"


def test_settings_have_gemini_s_names() -> None:
    body = ask(temperature=0.0, top_p=0.9, max_tokens=10, stop=("END",), extra={"generationConfig": {"topK": 5}})
    assert body["generationConfig"] == {
        "temperature": 0.0,
        "topP": 0.9,
        "maxOutputTokens": 10,
        "stopSequences": ["END"],
        "topK": 5,
    }


def test_thinking_is_a_budget_or_a_level() -> None:
    def thinking(**options: Any) -> Any:
        return ask(**options)["generationConfig"]["thinkingConfig"]

    assert thinking(thinking_tokens=512) == {"thinkingBudget": 512, "includeThoughts": True}
    assert thinking(thinking_tokens=0) == {"thinkingBudget": 0, "includeThoughts": False}
    assert thinking(reasoning_effort="low") == {"thinkingBudget": 1024, "includeThoughts": True}
    level = {"thinkingLevel": "low", "includeThoughts": True}
    assert thinking(reasoning_effort="low", model="gemini-3-pro-preview") == level


def test_tools_and_the_choice_of_them() -> None:
    body = ask(tools=(WEATHER, NOW))
    assert body["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Says the weather.", "parameters": WEATHER.parameters},
                {"name": "now", "description": "Tells the time."},  # no object without properties
            ]
        }
    ]
    assert "toolConfig" not in body

    def config(choice: str) -> Any:
        return ask(tools=(WEATHER,), tool_choice=choice)["toolConfig"]["functionCallingConfig"]

    assert config("required") == {"mode": "ANY"}
    assert config("none") == {"mode": "NONE"}
    assert config("weather") == {"mode": "ANY", "allowedFunctionNames": ["weather"]}


def test_a_schema_is_asked_for_as_json() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    assert ask(output_schema=schema)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "object", "properties": {"n": {"type": "integer"}}},
    }
    whole = ask(output_schema=schema, tools=(NOW,), quirks=Quirks(json_schema=True))
    assert whole["generationConfig"]["responseJsonSchema"] == schema
    assert whole["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == NOW.parameters


def test_results_of_one_answer_come_in_one_content() -> None:
    body = ask(
        Message("system", (Text("Before."),)),
        user(Text("Weather?"), Text("")),
        said(
            Text(""),
            Text("I look."),
            ToolCall("call_0", "weather", {"city": "Rome"}),
            ToolCall("x7", "weather", "{broken"),
        ),
        told(ToolResult("call_0", "weather", (Text("sunny"), Image("image/png", b"\x89PNG")))),
        told(Text("Both:"), ToolResult("x7", "weather", (Text("bad"),), error=True)),
        user(),
        Message("system", (Text("Later."),)),
        system="First.",
    )
    assert body["systemInstruction"] == {"parts": [{"text": "First.\n\nBefore."}]}
    asked, calls, results = body["contents"]
    assert asked["parts"] == [{"text": "Weather?"}]
    assert calls == {
        "role": "model",
        "parts": [
            {"text": "I look."},
            {"functionCall": {"name": "weather", "args": {"city": "Rome"}}},  # a made-up id stays here
            {"functionCall": {"id": "x7", "name": "weather", "args": {"invalid_json": "{broken"}}},
        ],
    }
    assert results == {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "weather", "response": {"output": "sunny"}}},
            {"functionResponse": {"id": "x7", "name": "weather", "response": {"error": "bad"}}},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
            {"text": "Both:"},
            {"text": "Later."},
        ],
    }


def test_media_go_in_as_data_or_as_a_reference() -> None:
    (content,) = ask(
        user(
            Image("image/png", b"\x89PNG"),
            Audio("audio/mpeg", b"ID3"),
            File("video/mp4", url="https://example.com/a.mp4"),
        )
    )["contents"]
    assert content["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": "SUQz"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/a.mp4"}},
    ]
    assert ask(said(Image("image/png", b"\x89PNG")))["contents"][0]["role"] == "model"


def test_signatures_go_back_to_where_they_were(recorded: Any, fold: Any) -> None:
    text = fold(GEMINI, recorded("gemini/text.sse"))
    (content,) = ask(said(*text.parts))["contents"]
    assert content["parts"] == [{"text": "AI learns from data.", "thoughtSignature": "EjQKMgEM"}]
    tools = GEMINI.response(recorded("gemini/tools.json"))
    (content,) = ask(said(*tools.parts), model="gemini-3-pro-preview")["contents"]
    assert content["parts"] == [
        {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "CiQBSigA"},
        {"functionCall": {"name": "get_weather", "args": {"city": "London"}}},
    ]
    alone = Opaque("gemini", {"thoughtSignature": "s"})
    assert ask(said(alone, alone))["contents"][0]["parts"] == [{"text": "", "thoughtSignature": "s"}] * 2


def test_thinking_of_others_stays_here() -> None:
    (content,) = ask(
        said(
            Thinking("t", "anthropic:s"),
            Thinking("unsealed"),
            Thinking("mine", "gemini:s"),
            Opaque("anthropic", {"type": "redacted_thinking"}),
            Opaque("gemini", {"executableCode": {"language": "PYTHON", "code": "1"}}),
            ToolCall("toolu_1", "now", signature="anthropic:s"),
        )
    )["contents"]
    assert content["parts"] == [
        {"text": "mine", "thought": True, "thoughtSignature": "s"},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"functionCall": {"id": "toolu_1", "name": "now", "args": {}}},
    ]


def test_newer_models_are_told_that_a_call_is_not_theirs() -> None:
    calls = said(ToolCall("a", "now"), ToolCall("b", "now"))
    first, second = ask(calls, model="gemini-3-flash-preview")["contents"][0]["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    assert "thoughtSignature" not in str(ask(calls, model="gemini-2.5-pro"))
    assert "thoughtSignature" not in str(ask(said(Text("Hello")), model="gemini-3-flash-preview"))


# -- schemas ----------------------------------------------------------------------------------------------------------


def test_a_schema_is_cut_to_the_subset() -> None:
    assert openapi_schema(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "title": "Order",
            "properties": {
                "id": {"type": "string", "format": "uuid", "minLength": 3, "examples": ["a"]},
                "at": {"type": "string", "format": "date-time"},
                "note": {"type": ["string", "null"], "description": "Free text"},
                "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
                "key": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                "kind": {"const": "order"},
                "level": {"enum": [1, 2], "type": "integer", "description": "Level."},
                "tags": {"type": "array"},
                "first": {"$ref": "#/$defs/item", "description": "The first"},
                "both": {"allOf": [{"title": "T"}, {"type": "object", "properties": {"x": {"type": "number"}}}]},
                "rows": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
                "any": True,
                "mixed": {"type": ["string", "integer"]},
                "free": {"properties": {}},
            },
            "required": ["id", "gone"],
            "additionalProperties": False,
            "$defs": {"item": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
        }
    ) == {
        "type": "object",
        "title": "Order",
        "properties": {
            "id": {"type": "string", "minLength": 3},
            "at": {"type": "string", "format": "date-time"},
            "note": {"type": "string", "nullable": True, "description": "Free text"},
            "size": {"type": "integer", "minimum": 1, "nullable": True},
            "key": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "kind": {"type": "string", "enum": ["order"]},
            "level": {"type": "integer", "description": "Level. One of: 1, 2."},
            "tags": {"type": "array", "items": {"type": "string"}},
            "first": {
                "type": "object",
                "properties": {"n": {"type": "integer"}},
                "required": ["n"],
                "description": "The first",
            },
            "both": {"type": "object", "properties": {"x": {"type": "number"}}, "title": "T"},
            "rows": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
            "any": {"type": "string"},
            "mixed": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "free": {"type": "object"},
        },
        "required": ["id"],
    }


def test_a_recursive_schema_ends() -> None:
    branches = {f"b{n}": {"$ref": "#/$defs/tree"} for n in range(8)}
    tree = {"type": "object", "properties": {**branches, "lost": {"$ref": "#/$defs/no/where"}}}
    made = openapi_schema({"$ref": "#/$defs/tree", "$defs": {"tree": tree}})
    assert made["properties"]["b0"] == {"type": "object"}
    assert made["properties"]["lost"] == {"type": "string"}


# -- answers in one piece ---------------------------------------------------------------------------------------------


def test_a_text(recorded: Any) -> None:
    assert GEMINI.response(recorded("gemini/text.json")) == ModelResponse(
        (Text("AI learns from data."),),
        "end",
        Usage(4, 28, cached_tokens=2, reasoning_tokens=20),
        "gemini-2.5-flash",
        "mAitaLmkHPPlz7IPvtfUqQ4",
    )


def test_thoughts_and_calls_that_have_no_ids(recorded: Any) -> None:
    answer = GEMINI.response(recorded("gemini/tools.json"))
    assert answer.parts == (
        Thinking("I should look."),
        ToolCall("call_0", "get_weather", {"city": "Paris"}, "gemini:CiQBSigA"),
        ToolCall("call_1", "get_weather", {"city": "London"}),
    )
    assert answer.stop == "tool_calls"


def candidate(*parts: dict[str, Any], **more: Any) -> bytes:
    return msgspec.json.encode({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP", **more}]})


def test_media_and_code_come_out() -> None:
    answer = GEMINI.response(
        candidate(
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}, "thoughtSignature": "s"},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
            {"inlineData": {"mimeType": "text/csv", "data": "YSxi"}},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"functionCall": {"id": "x7", "name": "now"}},
        )
    )
    assert answer.parts == (
        Image("image/png", b"\x89PNG"),
        Opaque("gemini", {"thoughtSignature": "s"}),
        Audio("audio/wav", b"RIFF"),
        File("text/csv", b"a,b"),
        Opaque("gemini", {"executableCode": {"language": "PYTHON", "code": "1"}}),
        ToolCall("x7", "now"),
    )
    assert answer.usage is None


@pytest.mark.parametrize(
    ("reason", "stop"), [("STOP", "end"), ("MAX_TOKENS", "length"), ("SAFETY", "filter"), ("OTHER", "other")]
)
def test_why_it_stopped(reason: str, stop: str) -> None:
    assert GEMINI.response(candidate({"text": "x"}, finishReason=reason)).stop == stop
    assert GEMINI.response(msgspec.json.encode({"candidates": [{"finishReason": reason}]})).parts == ()


def test_a_blocked_prompt_is_an_error(recorded: Any) -> None:
    with pytest.raises(ContentFiltered, match="PROHIBITED_CONTENT"):
        GEMINI.response(recorded("gemini/blocked.json"))
    with pytest.raises(ContentFiltered, match="not this"):
        GEMINI.response(b'{"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "not this"}}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"candidates": [',
        b'{"candidates": [{"content": {"parts": [7]}}]}',
        b'{"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print(now())"}]}',
        b'{"candidates": [{"finishReason": "MALFORMED_RESPONSE"}]}',
    ],
)
def test_garbage_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        GEMINI.response(body)


# -- answers in pieces ------------------------------------------------------------------------------------------------


def test_a_streamed_text(recorded: Any, play: Any) -> None:
    *deltas, last = play(GEMINI, recorded("gemini/text.sse"))
    assert deltas == [TextDelta("AI learns "), TextDelta("from data.")]
    assert last.response.parts == (Text("AI learns from data."), Opaque("gemini", {"thoughtSignature": "EjQKMgEM"}))
    assert last.response.usage == Usage(4, 28, cached_tokens=2, reasoning_tokens=20)


def test_streamed_thoughts_and_calls(recorded: Any, play: Any) -> None:
    *deltas, last = play(GEMINI, recorded("gemini/tools.sse"))
    assert deltas == [
        ThinkingDelta("I should "),
        ThinkingDelta("look."),
        ToolCallDelta(0, "call_0", "get_weather", '{"city":"Paris"}'),
        ToolCallDelta(1, "call_1", "get_weather", '{"city":"London"}'),
    ]
    assert last == Finished(GEMINI.response(recorded("gemini/tools.json")))


def test_signed_thoughts_are_not_joined_with_others() -> None:
    decoder = GEMINI.decoder()
    for part in (
        {"text": "a", "thought": True, "thoughtSignature": "s"},
        {"text": "", "thought": True},
        {"text": "b", "thought": True},
        {"text": "c", "thoughtSignature": "t"},
        {"text": "d"},
    ):
        decoder.feed("", candidate(part).decode())
    assert decoder.feed("", candidate({"text": "other"}, index=1).decode()) == []
    (finished,) = decoder.feed("", "[DONE]")
    assert isinstance(finished, Finished)
    assert finished.response.parts == (
        Thinking("a", "gemini:s"),
        Thinking("b"),
        Text("c"),
        Opaque("gemini", {"thoughtSignature": "t"}),
        Text("d"),
    )
    assert decoder.end() == []
    assert decoder.feed("", "oops") == []


def test_a_stream_cut_anywhere_is_broken(recorded: Any, play: Any) -> None:
    stream = recorded("gemini/tools.sse")
    for cut in range(0, len(stream) - 1, 101):
        with pytest.raises(BrokenStream):
            play(GEMINI, stream[:cut])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}', Overloaded),
        ('{"error": {"message": "slow", "status": "RESOURCE_EXHAUSTED"}}', RateLimited),
        ("oops", InvalidAnswer),
    ],
)
def test_errors_inside_of_a_stream(data: str, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        GEMINI.decoder().feed("", data)


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_a_rate_limit_says_how_long_to_wait(recorded: Any) -> None:
    refused = GEMINI.error(429, {}, recorded("gemini/rate_limited.json"))
    assert isinstance(refused, RateLimited)
    assert refused.retryable
    assert refused.retry_after == pytest.approx(34.075)


def test_a_limit_per_day_is_not_waited_for(recorded: Any) -> None:
    refused = GEMINI.error(429, {}, recorded("gemini/rate_limited_today.json"))
    assert isinstance(refused, RateLimited)
    assert not refused.retryable


def test_a_delay_that_cannot_be_read_is_none(recorded: Any) -> None:
    body = recorded("gemini/rate_limited.json").replace(b"34.074824224s", b"later")
    refused = GEMINI.error(429, {}, body)
    assert isinstance(refused, RateLimited)
    assert refused.retry_after is None


@pytest.mark.parametrize(
    ("status", "word", "message", "kind"),
    [
        (400, "INVALID_ARGUMENT", "Invalid value at 'contents'", InvalidRequest),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (2) exceeds the maximum number of tokens allowed (1).",
            ContextTooLong,
        ),
        (403, "PERMISSION_DENIED", "Your API key doesn't have the required permissions.", AuthFailed),
        (404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta", ModelNotFound),
        (500, "INTERNAL", "An internal error has occurred.", Overloaded),
        (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", Overloaded),
    ],
)
def test_refusals_are_typed(status: int, word: str, message: str, kind: type[ModelError]) -> None:
    body = msgspec.json.encode({"error": {"code": status, "message": message, "status": word}})
    refused = GEMINI.error(status, {}, body)
    assert type(refused) is kind
    assert refused.facts == {"status": status, "provider_code": word}


def test_a_bad_key_comes_as_400(recorded: Any) -> None:
    assert isinstance(GEMINI.error(400, {}, recorded("gemini/bad_key.json")), AuthFailed)
