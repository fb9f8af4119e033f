import msgspec
import pytest

from perdure.base.errors import BrokenStream, ConfigError, InvalidRequest, Overloaded
from perdure.base.messages import (
    Finished,
    Message,
    ModelRequest,
    ModelResponse,
    Text,
    TextDelta,
    Thinking,
    ToolCall,
    ToolCallDelta,
    ToolResult,
)
from perdure.base.usage import Usage
from perdure.compute.port import generate
from perdure.compute.spec import parse_model
from perdure.testing import Scripted, breaks, by_turn, call
from perdure.testing.scripted import from_spec

QUESTION = ModelRequest(model="scripted/model", messages=(Message("user", (Text("Hi"),)),))
STREAMED = msgspec.structs.replace(QUESTION, stream=True)


async def test_answers_come_one_after_the_other_and_questions_are_kept():
    model = Scripted(["one", "", "three"])
    assert [(await generate(model, QUESTION)).text for _ in range(3)] == ["one", "", "three"]
    assert model.requests == [QUESTION] * 3


async def test_a_script_that_has_ended_says_so():
    model = Scripted(["one"])
    await generate(model, QUESTION)
    with pytest.raises(InvalidRequest, match="the script has 1 answers"):
        await generate(model, QUESTION)


async def test_a_function_may_answer_now_or_later():
    async def later(request):
        return request.messages[0].text.upper()

    assert (await generate(Scripted(lambda request: "now"), QUESTION)).text == "now"
    assert (await generate(Scripted(later), QUESTION)).text == "HI"


async def test_tool_calls_get_ids_that_do_not_repeat_in_a_conversation():
    model = Scripted([["Let me see.", call("look", name="x")], [call("look"), call("see")]])
    first = await generate(model, QUESTION)
    assert first.parts == (Text("Let me see."), ToolCall("call_1", "look", {"name": "x"}))
    assert first.stop == "tool_calls"
    result = Message("tool", (ToolResult("call_1", "look", (Text("y"),)),))
    messages = (*QUESTION.messages, Message("assistant", first.parts), result)
    second = await generate(model, msgspec.structs.replace(QUESTION, messages=messages))
    assert [part.id for part in second.tool_calls] == ["call_2", "call_3"]


async def test_it_fails_on_demand():
    model = Scripted([Overloaded("busy"), ValueError("a bug")])
    with pytest.raises(Overloaded):
        await generate(model, QUESTION)
    with pytest.raises(ValueError, match="a bug"):
        await generate(model, QUESTION)


async def test_a_stream_is_told_in_words_and_pieces_of_arguments():
    model = Scripted([[Thinking("so it is"), "Hello there", call("look", q="x"), ToolCall("c", "say", "raw")]])
    deltas = [delta async for delta in model.stream(STREAMED)]
    finished = deltas.pop()
    assert isinstance(finished, Finished) and finished.response.text == "Hello there"
    words = [delta for delta in deltas if not isinstance(delta, ToolCallDelta)]
    assert "".join(delta.text for delta in words) == "so it isHello there"
    assert TextDelta("Hello ") in words
    pieces = [delta for delta in deltas if isinstance(delta, ToolCallDelta)]
    assert [(piece.index, piece.id, piece.name) for piece in pieces] == [
        (0, "call_1", "look"),
        (0, "", ""),
        (1, "c", "say"),
        (1, "", ""),
    ]
    assert "".join(piece.arguments for piece in pieces if piece.index == 0) == '{"q":"x"}'
    assert "".join(piece.arguments for piece in pieces if piece.index == 1) == "raw"


async def test_a_stream_breaks_after_its_words():
    model = Scripted([breaks("half a"), breaks("all", Overloaded("busy"))])
    shown = []
    with pytest.raises(BrokenStream):
        async for delta in model.stream(STREAMED):
            shown.append(delta)
    assert shown == [TextDelta("half "), TextDelta("a")]
    with pytest.raises(Overloaded):
        await generate(model, QUESTION)


async def test_usage_is_the_same_every_time_unless_it_is_stated():
    model = Scripted(lambda request: "the same answer")
    first, second = [await generate(model, QUESTION) for _ in range(2)]
    assert first.usage == second.usage
    assert first.usage.input_tokens > 0 and first.usage.output_tokens > 0
    stated = ModelResponse((Text("x"),), usage=Usage(7, 3), model="scripted/other")
    answer = await generate(Scripted([stated]), QUESTION)
    assert (answer.usage, answer.model) == (Usage(7, 3), "scripted/other")


async def test_a_script_by_turn_finds_its_place_again():
    model = Scripted(by_turn(["first", "second"]))
    later = msgspec.structs.replace(QUESTION, messages=(*QUESTION.messages, Message("assistant", (Text("first"),))))
    assert [(await generate(model, asked)).text for asked in (later, QUESTION, later)] == ["second", "first", "second"]
    ended = msgspec.structs.replace(later, messages=(*later.messages, Message("assistant", (Text("second"),))))
    with pytest.raises(InvalidRequest):
        await generate(model, ended)


async def test_a_file_may_hold_a_script():
    answers = [["I look.", {"tool": "look", "arguments": {"q": 1}}], {"tool": "see"}, "Done."]
    model = from_spec(parse_model({"provider": "scripted", "name": "x", "extra": {"answers": answers}}))
    assert model.name == "scripted/x"
    first = await generate(model, QUESTION)
    assert first.parts == (Text("I look."), ToolCall("call_1", "look", {"q": 1}))


@pytest.mark.parametrize("extra", [{}, {"answers": []}, {"answers": "x"}, {"answers": [3]}, {"answers": [{"tool": 1}]}])
def test_a_script_in_a_file_must_be_one(extra):
    with pytest.raises(ConfigError):
        from_spec(parse_model({"provider": "scripted", "name": "x", "extra": extra}))
