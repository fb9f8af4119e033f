"""Conversations from elsewhere, and what is wished of the answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from perdure.agents.conversation import Conversation, opening_of, said_with
from perdure.agents.transcript import Options, Transcript, transcript_of
from perdure.base.messages import Message, ModelRequest, Text, ToolCall, ToolResult

USER = Message("user", (Text("Hello"),))
CALLS = Message("assistant", (ToolCall("c1", "look", {}),))
RESULT = Message("tool", (ToolResult("c1", "look", (Text("seen"),)),))


def payload(*messages: Message, **options: Any) -> Any:
    return msgspec.to_builtins(Transcript(messages, Options(**options)), builtin_types=(bytes,))


def test_a_transcript_is_what_was_said() -> None:
    assert said_with(payload(USER, CALLS, RESULT)) == (USER, CALLS, RESULT)


@pytest.mark.parametrize(
    "data",
    [
        "text",
        ["transcript"],
        {"transcript": "of a call with a customer"},
        {"transcript": []},
        {"transcript": [{"role": "nobody", "parts": []}]},
        {"transcript": [{"role": "user", "parts": []}], "more": 1},
        {"transcript": [{"role": "user", "parts": []}], "options": {"temperature": 9}},
    ],
)
def test_other_data_is_a_message_of_its_own(data: Any) -> None:
    assert transcript_of(data) is None
    assert [one.role for one in said_with(data)] == ["user"]


def test_what_a_person_said_last_opens_the_run() -> None:
    assert opening_of((USER, CALLS, RESULT)) == 0
    assert opening_of((USER, CALLS, RESULT, USER)) == 3
    assert opening_of((RESULT,)) == 0


def test_a_result_is_never_kept_without_its_call() -> None:
    talk = Conversation([USER, CALLS])
    talk.open((USER, CALLS, RESULT, Message("assistant", (Text("So."),))))
    assert talk.opening == 2
    talk.drop(5)
    assert [one.role for one in talk.messages] == ["user", "assistant"]


def test_an_agent_keeps_what_its_file_states() -> None:
    open_, stated = ModelRequest("m", ()), ModelRequest("m", (), temperature=0.1, max_tokens=5, stop=("END",))
    wishes = Options(temperature=0.9, max_tokens=9, stop=("HALT", "END"), tool_choice="none", reasoning_effort="low")
    free, bound = wishes.apply(open_), wishes.apply(stated)
    assert (free.temperature, free.max_tokens, free.stop, free.tool_choice) == (0.9, 9, ("HALT", "END"), "none")
    assert (bound.temperature, bound.max_tokens, bound.stop) == (0.1, 5, ("END", "HALT"))
    assert Options(max_tokens=3).apply(stated).max_tokens == 3
