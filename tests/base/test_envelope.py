"""What an answer takes over from the question."""

from __future__ import annotations

import pytest

from perdure.base.envelope import Envelope, answer_to
from perdure.base.errors import InputError


def test_an_answer_stands_in_the_thread_and_the_trace_of_its_question() -> None:
    trace = {"traceparent": "00-1", "tracestate": "a=1"}
    asked = Envelope("env_1", "", thread="t", correlation="c", reply_to="topic:answers.me", hops=2, **trace)
    fields = {"thread": "t", "correlation": "c", "causation": "env_1", "hops": 3, **trace}
    assert answer_to(asked) == ("answers.me", fields)


def test_a_question_that_names_no_thread_begins_one() -> None:
    topic, fields = answer_to(Envelope("env_1", "", reply_to="topic:answers"))
    assert (topic, fields["thread"], fields["correlation"]) == ("answers", "env_1", "env_1")


@pytest.mark.parametrize("reply_to", ["", "some-agent"])
def test_what_was_not_asked_through_a_topic_has_no_answer_there(reply_to: str) -> None:
    with pytest.raises(InputError, match="env_1 names no topic"):
        answer_to(Envelope("env_1", "", reply_to=reply_to))
