"""The model server says what the conversation calls for, in the shapes that peers give it."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest
from project import ANSWER, calls_of, model_server

CALCULATE = {"type": "function", "function": {"name": "calculate", "parameters": {"properties": {"sum": {}}}}}
FINAL = {"type": "function", "function": {"name": "final_answer", "parameters": {"properties": {"answer": {}}}}}
PERSON = {"role": "user", "content": "What's 25 * 47?"}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "1175"}


def ask(url: str, messages: list[dict[str, Any]], *tools: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps({"model": "bench", "messages": messages, "tools": tools}).encode()
    with urlopen(Request(f"{url}/chat/completions", body), timeout=10) as answer:
        message: dict[str, Any] = json.load(answer)["choices"][0]["message"]
        return message


@pytest.mark.parametrize(
    "last",
    [
        [RESULT],
        [RESULT, {"role": "user", "content": "Analyze the tool result."}],
        [{"role": "user", "content": [{"type": "text", "text": "Observation:\n1175"}]}],
    ],
    ids=["as a tool", "with a word to go on", "as an observation"],
)
def test_it_calls_the_tool_once_and_answers(last: list[dict[str, Any]]) -> None:
    with model_server() as url:
        call = ask(url, [PERSON], CALCULATE)["tool_calls"][0]
        assert call["function"] == {"name": "calculate", "arguments": '{"sum":"25 * 47"}'}
        assert ask(url, [PERSON, *last], CALCULATE)["content"] == ANSWER
        assert ask(url, [PERSON, *last, {"role": "assistant", "content": ANSWER}, PERSON], CALCULATE)["tool_calls"]
        assert calls_of(url) == 3


def test_it_answers_with_the_tool_for_answers() -> None:
    with model_server() as url:
        call = ask(url, [PERSON, RESULT], CALCULATE, FINAL)["tool_calls"][0]
    assert call["function"]["name"] == "final_answer"
    assert json.loads(call["function"]["arguments"]) == {"answer": ANSWER}


def test_it_leaves_one_question_without_an_answer() -> None:
    with model_server(unanswered=2) as url:
        ask(url, [PERSON])
        with pytest.raises(TimeoutError):
            urlopen(
                Request(f"{url}/chat/completions", json.dumps({"model": "bench", "messages": [PERSON]}).encode()),
                timeout=0.2,
            )
        assert calls_of(url) == 2
        ask(url, [PERSON])
