"""What has happened since the person last spoke: their words, the calls made for them, and what came back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from perdure.base.codec import to_json
from perdure.base.messages import Message, Part, Text, ToolCall, ToolResult


class Outcome(msgspec.Struct, frozen=True):
    call: ToolCall
    text: str
    failed: bool


class Turn(msgspec.Struct, frozen=True):
    said: str
    outcomes: tuple[Outcome, ...]


def read_turn(messages: Sequence[Message]) -> Turn:
    """The turn that is being answered. Calls whose results have not come back are not part of it."""
    start = max((place for place, message in enumerate(messages) if message.role == "user"), default=-1)
    said = messages[start].text if start >= 0 else ""
    parts = [part for message in messages[start + 1 :] for part in message.parts]
    results = {part.id: part for part in parts if isinstance(part, ToolResult)}
    calls = [part for part in parts if isinstance(part, ToolCall) and part.id in results]
    return Turn(said, tuple(Outcome(call, _text(results[call.id].parts), results[call.id].error) for call in calls))


def _text(parts: Sequence[Part]) -> str:
    shown = [part.text if isinstance(part, Text) else to_json(part).decode() for part in parts]
    return "\n".join(shown).strip()
