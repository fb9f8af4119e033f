"""A conversation: messages rebuilt from the journal, added to by the loop, and cut to the model's window.

The journal is the only copy. What a person said stands in `run.accepted`, what the model said and what tools gave in
`effect.done`; a conversation is a reading of these records, backwards from the end and no further than the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from perdure.base.codec import pack, to_json, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.messages import Message, ModelResponse, Part, Text, ToolCall, ToolResult
from perdure.kernel import records as r
from perdure.kernel.journal import decode
from perdure.tools.call import answer, error_result
from perdure.tools.port import ToolOutput

_PARTS = msgspec.json.Decoder(tuple[Part, ...])
NOT_MADE = "the call was not made"


class Conversation:
    """Messages in order. `digest` stands for everything ever said in it, also what was dropped since."""

    def __init__(self, messages: Iterable[Message] = (), digest: bytes = b"") -> None:
        self.messages = list(messages)
        self.digest = digest
        self.opening = len(self.messages)
        """Where the run under way begins."""

    def add(self, message: Message) -> None:
        self.messages.append(message)
        self.digest = blake2b(self.digest + pack(message), digest_size=16).digest()

    def drop(self, until: int) -> None:
        """Forget the messages before `until`, except the one that opens the run under way."""
        kept = [self.messages[self.opening]] if self.opening < until else []
        self.messages[:until] = kept
        self.opening = 0 if kept else self.opening - until

    def units(self) -> list[int]:
        """The places where it may be cut: never between a tool call and its result."""
        return [place for place, message in enumerate(self.messages) if message.role != "tool"]


def user_message(payload: Any) -> Message:
    """What somebody sent, as a message: text, a list of parts, `{"message": text}`, or any other data as JSON."""
    if isinstance(payload, dict) and set(payload) == {"message"} and isinstance(payload["message"], str):
        payload = payload["message"]
    if isinstance(payload, str):
        return Message("user", (Text(payload),))
    if isinstance(payload, list) and payload and all(isinstance(part, dict) and "type" in part for part in payload):
        return Message("user", msgspec.convert(payload, tuple[Part, ...]))
    return Message("user", (Text(to_json(payload).decode()),))


def assistant_message(response: ModelResponse) -> Message:
    return Message("assistant", response.parts)


class History(Protocol):
    """Records of an agent before those at hand, the newest first; `Context.history` is one."""

    async def __call__(self, *, before: int | None, limit: int) -> list[r.Record]: ...


async def recall(history: History, tokens: int) -> list[Message]:
    """What was said before, the oldest first, back to about `tokens` tokens."""
    found: list[r.Record] = []
    room = tokens * 4
    before: int | None = None
    while room > 0 and (page := await history(before=before, limit=200)):
        found += page
        before = page[-1].seq
        room -= sum(len(record.data) + len(record.payload or b"") for record in page)
    return messages_of(reversed(found))


def messages_of(records: Iterable[r.Record]) -> list[Message]:
    """The conversation that records tell, in order. It begins with a message of a person, and every tool call in it
    has a result."""
    messages: list[Message] = []
    calls: dict[str, ToolCall] = {}
    results: dict[str, ToolResult] = {}

    def close() -> None:
        if calls:
            found = (results.get(id) or error_result(call, NOT_MADE) for id, call in calls.items())
            messages.append(Message("tool", tuple(found)))
            calls.clear()
            results.clear()

    for record in records:
        event = decode(record)
        if isinstance(event, r.RunAccepted):
            close()
            messages.append(user_message(unpack_as(event.body, Envelope).payload))
        elif isinstance(event, r.EffectDone) and event.kind == "model" and messages:
            close()
            response = unpack_as(event.body, ModelResponse)
            messages.append(assistant_message(response))
            calls.update((call.id, call) for call in response.tool_calls)
        elif isinstance(event, r.EffectDone) and event.kind == "tool":
            call = calls.get(str(event.note.get("call", "")))
            if call is not None:
                results[call.id] = answer(call, unpack_as(event.body, ToolOutput), key=record.key)
    close()
    return messages


def results_message(results: Sequence[ToolResult]) -> Message:
    return Message("tool", tuple(results))
