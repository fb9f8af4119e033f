"""Conversations: rebuilt from the journal, cut to the window, never a call without its result."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.agents.conversation import Conversation, as_output, user_message
from perdure.agents.window import _cut, sent_of
from perdure.base.messages import Image, Message, Text, ToolCall, ToolResult
from perdure.testing import by_turn, call
from perdure.tools.function import tool
from perdure.tools.port import ToolOutput


@tool(effect="read")
def echo(text: str) -> str:
    """Say it."""
    return text


@tool(effect="once")
def fail() -> str:
    """Raises."""
    raise ValueError("not today")


@pytest.mark.parametrize(
    ("payload", "parts"),
    [
        ("hi", (Text("hi"),)),
        ({"message": "hi"}, (Text("hi"),)),
        ({"a": 1}, (Text('{"a":1}'),)),
        ([{"type": "text", "text": "x"}, {"type": "image", "media_type": "a/b"}], (Text("x"), Image("a/b"))),
        ([], (Text("[]"),)),
    ],
)
def test_what_somebody_sends_is_a_message(payload, parts):
    assert user_message(payload) == Message("user", parts)


def test_an_operator_may_say_any_data():
    assert as_output(ToolOutput((Text("x"),))) == ToolOutput((Text("x"),))
    assert as_output("paid").text == "paid"
    assert (as_output({"a": 1}).text, as_output({"a": 1}).value) == ('{"a":1}', {"a": 1})


exchanges = st.lists(st.tuples(st.sampled_from(["user", "answer", "calls"]), st.integers(0, 40)), max_size=12)


def conversation(found, opening):
    talk = Conversation()
    for number, (kind, size) in enumerate(found):
        if number == opening:
            talk.opening = len(talk.messages)
        text = "x" * size
        if kind == "user":
            talk.add(Message("user", (Text(text),)))
        elif kind == "answer":
            talk.add(Message("assistant", (Text(text),)))
        else:
            talk.add(Message("assistant", (ToolCall(str(number), "t", {"x": text}),)))
            talk.add(Message("tool", (ToolResult(str(number), "t", (Text(text),)),)))
    return talk


@given(exchanges, st.integers(0, 11), st.integers(1, 200), st.integers(1, 6))
def test_a_cut_never_separates_a_call_from_its_result(found, opening, over, keep):
    talk = conversation(found, opening)
    first = talk.messages[talk.opening] if talk.opening < len(talk.messages) else None
    before, digest = list(talk.messages), talk.digest
    until = _cut(talk, over, keep)
    talk.drop(until)

    called = [part.id for m in talk.messages for part in m.parts if isinstance(part, ToolCall)]
    answered = [part.id for m in talk.messages for part in m.parts if isinstance(part, ToolResult)]
    if first is None or not any(isinstance(part, ToolCall) for part in first.parts):
        assert called == answered
    assert talk.messages[-keep:] == before[-keep:] or len(before) <= keep
    if first is not None:
        assert talk.messages[talk.opening] == first
    assert talk.size == sum(talk.sizes) and len(talk.sizes) == len(talk.messages)
    assert talk.digest == digest  # what was dropped still counts


def test_what_was_sent_is_known_by_its_count():
    messages = [Message("user", (Text(str(n)),)) for n in range(5)]
    assert sent_of(messages, 3, 2) == tuple(messages[3:])
    assert sent_of(messages, 1, 3) == (messages[1], *messages[3:])


async def test_a_failed_call_is_told_again_in_a_later_conversation(stage):
    async with stage.open(by_turn([call("fail"), "It failed.", "As I said."])) as rt:
        await rt.run(stage.spec(tools=[fail]), "go", agent="bob")
    async with stage.open(by_turn(["x", "y", "As I said."])) as rt:
        await rt.run(stage.spec(tools=[fail]), "Why?", agent="bob")
    result = stage.model.requests[0].messages[2].parts[0]
    assert result.error and "not today" in result.parts[0].text


async def test_the_oldest_is_dropped_when_the_window_is_full(stage):
    answers = [*(call("echo", text="x" * 400) for _ in range(8)), "end"]
    async with stage.open(answers) as rt:
        await rt.run(stage.spec(tools=[echo], context={"tokens": 600, "keep": 2}), "the beginning")
    last = stage.model.requests[-1].messages
    assert last[0].text == "the beginning"
    assert len(last) < 10
    assert [m.role for m in last[1:]] == ["assistant", "tool"] * ((len(last) - 1) // 2)


async def test_the_oldest_is_summed_up_where_the_spec_says_so(stage):
    asked = []

    def answer(request):
        asked.append(request)
        if request.messages[-1].text.startswith("Sum up"):
            return "all about x"
        done = sum(not one.messages[-1].text.startswith("Sum up") for one in asked)
        return call("echo", text="x" * 400) if done < 9 else "end"

    spec = stage.spec(tools=[echo], context={"tokens": 600, "keep": 2, "policy": "summarize"})
    async with stage.open(answer) as rt:
        result = await rt.run(spec, "the beginning")
        assert result.output == "end"
        assert (await rt.replay(result.run_id)).verdict == "same"
    texts = [message.text for message in asked[-1].messages]
    assert texts[0] == "Summary of the conversation so far:\nall about x"
    assert "the beginning" in texts
