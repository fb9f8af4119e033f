"""The text protocol: what a model writes becomes calls or an answer, however untidy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.agents.react import parse
from perdure.base.codec import to_json
from perdure.base.messages import Text, Thinking, ToolCall
from perdure.tools.function import tool


@tool(effect="read")
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def calls(text):
    return [(part.name, part.arguments) for part in parse(text) if isinstance(part, ToolCall)]


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ('Action: add({"a": 1})', "add", {"a": 1}),
        ("Action: now()", "now", {}),
        (
            'Action: say({"text": "a (nested) :-) and \\"quoted\\" one"})',
            "say",
            {"text": 'a (nested) :-) and "quoted" one'},
        ),
        ("Action: search(what's the (best) bar's name)", "search", "what's the (best) bar's name"),
        ("Action: eval(f(g(1), (2)))", "eval", "f(g(1), (2))"),
        ("Action: say('a ) in quotes')", "say", "'a ) in quotes'"),
        ("Action: list([1, 2])", "list", "[1, 2]"),
        ('Thought: hm\nAction: `add`({"a": 1})\nObservation: made up\nAnswer: 2', "add", {"a": 1}),
        ('Thought: hm\nAction: add({"a": 1})\nAnswer: made up', "add", {"a": 1}),
    ],
)
def test_an_action_is_a_call(text, name, arguments):
    assert calls(text) == [(name, arguments)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Answer: 42", [Text("42")]),
        ("just text", [Text("just text")]),
        ("Thought: easy\nAnswer: 42\nand more", [Thinking("easy"), Text("42\nand more")]),
        ("Action: two words(1)", [Text("Action: two words(1)")]),
        ("Action: open(1", [Text("Action: open(1")]),
        ("Thought: only thinking", [Thinking("only thinking"), Text("")]),
    ],
)
def test_anything_else_is_the_answer(text, parts):
    assert parse(text) == parts


pieces = st.lists(
    st.sampled_from(["Thought:", "\nAction:", "\nAnswer:", "\nObservation:", "f(", ")", "'", '"', "\\", "{", " a"])
)


@given(pieces.map("".join) | st.text())
def test_whatever_a_model_writes_is_parts(text):
    parts = parse(text)
    assert parts and isinstance(parts[-1], (Text, ToolCall))


@given(st.dictionaries(st.text(), st.text() | st.integers(-9, 9) | st.lists(st.text(), max_size=2), max_size=3))
def test_arguments_come_through_whole(arguments):
    text = f"Thought: go\nAction: tool({to_json(arguments).decode()})"
    assert calls(text) == [("tool", arguments)]


async def test_a_model_without_tools_uses_tools(stage):
    answers = ['Thought: double it\nAction: double({"number": 21})', "Thought: done\nAnswer: It is 42."]
    async with stage.open(answers) as rt:
        result = await rt.run(stage.spec(tools=[double], strategy="react", instructions="Reckon."), "Double 21")
    assert result.output == "It is 42."
    first, second = stage.model.requests
    assert first.tools == () and "\nObservation:" in first.stop
    assert first.system.startswith("Reckon.") and "double: Twice the number." in first.system
    assert [message.role for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[1].text == 'Thought: double it\nAction: double({"number":21})'
    assert second.messages[2].text == "Observation: 42"


async def test_without_tools_the_model_is_left_alone(stage):
    async with stage.open(["Answer: as it is"]) as rt:
        result = await rt.run(stage.spec(strategy="react"), "Hi")
    assert result.output == "Answer: as it is"
    assert stage.model.requests[0].system == ""


async def test_an_earlier_answer_is_shown_as_one(stage):
    async with stage.open(["Answer: one", "Answer: two"]) as rt:
        for text in ("1", "2"):
            await rt.run(stage.spec(tools=[double], strategy="react"), text, agent="bob")
    assert stage.model.requests[1].messages[1].text == "Answer: one"
