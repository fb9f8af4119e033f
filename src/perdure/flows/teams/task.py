"""What a team is asked, and what it answers."""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.agents.conversation import said_with
from perdure.base.codec import to_json
from perdure.base.messages import Message, Text


class Answer(msgspec.Struct, frozen=True):
    """An answer and how sure it is, from 0 to 1. `by` are the seats that it comes from, `why` what spoke for it."""

    value: Any
    confidence: float
    by: tuple[str, ...] = ()
    why: str = ""


class Task(msgspec.Struct):
    """`attached` are the parts of the message that are no text: pictures and the like. `hints` are told with the task:
    lessons, what people said, and an answer that was not good enough."""

    text: str
    task_class: str
    attached: tuple[Any, ...] = ()
    hints: list[str] = []


def read_task(payload: Any, task_class: str) -> Task:
    """The task in a message: text, parts, or a mapping; `{task: …, class: …}` names the class of the task itself."""
    if isinstance(payload, dict) and "task" in payload and set(payload) <= {"task", "class"}:
        named = payload.get("class")
        task_class = named[:64] if isinstance(named, str) and named else task_class
        payload = payload["task"]
    messages = said_with(payload)
    if len(messages) == 1:
        text = messages[0].text
    else:
        text = "\n\n".join(f"{message.role}: {message.text}" for message in messages)
    return Task(text, task_class, tuple(_attached(messages)), [])


def shown(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _attached(messages: tuple[Message, ...]) -> list[Any]:
    return [
        msgspec.to_builtins(part, builtin_types=(bytes,))
        for message in messages
        for part in message.parts
        if not isinstance(part, Text)
    ]
