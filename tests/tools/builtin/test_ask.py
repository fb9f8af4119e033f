from __future__ import annotations

from typing import Any

import pytest

from perdure.base.errors import InputError, ToolFailed
from perdure.tools.builtin.ask import BUILTIN, AskOptions
from perdure.tools.builtin.port import Setting

SETTING = Setting(folder=None)  # type: ignore[arg-type]


class Person:
    """A context with somebody in it who has one answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, tuple[str, ...], int | None]] = []

    async def ask(self, question: str, *, options: tuple[str, ...] = (), timeout_ms: int | None = None) -> Any:
        self.asked.append((question, options, timeout_ms))
        return self.answer


async def ask(person: Any, options: AskOptions | None = None, **arguments: Any) -> str:
    (tool,) = BUILTIN.make(options or AskOptions(), SETTING)
    assert (tool.effect, tool.timeout_ms) == (None, None), "the context waits, durably"
    return (await tool.call(arguments, key="k", ctx=person)).text


async def test_a_person_is_asked() -> None:
    person = Person("blue")
    assert await ask(person, question="Which colour?", choices=["red", "blue"]) == "blue"
    assert await ask(person, AskOptions(timeout="2d"), question="Sure?") == "blue"
    assert person.asked == [("Which colour?", ("red", "blue"), None), ("Sure?", (), 172_800_000)]


async def test_a_person_who_does_not_answer_in_time() -> None:
    with pytest.raises(ToolFailed, match="nobody answered within 2h00m"):
        await ask(Person(None), AskOptions(timeout="2h"), question="Sure?")


def test_a_wrong_timeout_is_found_early() -> None:
    with pytest.raises(InputError, match="not a duration"):
        BUILTIN.make(AskOptions(timeout="soon"), SETTING)
