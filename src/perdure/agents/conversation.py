"""A conversation: messages rebuilt from the journal, added to by the loop, and cut to the model's window.

The journal is the only copy. What a person said stands in `run.accepted`, what the model said and what tools gave in
`effect.done`; a conversation is a reading of these records, backwards from the end and no further than the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from perdure.base.codec import hashed, pack, to_json, unpack, unpack_as
from perdure.base.envelope import Envelope
from perdure.base.errors import PerdureError
from perdure.base.lazy import load
from perdure.base.messages import Message, ModelResponse, Part, Text, ToolCall, ToolResult
from perdure.compute.estimate import PER_MESSAGE, estimate_parts
from perdure.kernel import records as r
from perdure.kernel.context import Context
from perdure.kernel.failures import restored
from perdure.kernel.journal import decode
from perdure.tools.call import answer, error_result, failure
from perdure.tools.port import ToolOutput

from .recent import Recent, Talk
from .transcript import transcript_of

OWN_HISTORY = "perdure.agents.forgetting:OwnHistory"
_PARTS = msgspec.json.Decoder(tuple[Part, ...])
NEWEST = 2
"""Records at the end of a run that answered: its last question's, and its own."""
NOT_MADE = "the call was not made"


class History(Protocol):
    """Records of an agent before some place, the newest first; `Context.history` is one."""

    async def __call__(self, *, before: int | None, limit: int) -> list[r.Record]: ...


class Conversation:
    """Messages in order, and the tokens of each at the usual ratio."""

    __slots__ = ("_digest", "_undigested", "messages", "opening", "size", "sizes")

    def __init__(
        self, messages: Iterable[Message] = (), digest: bytes = b"", *, sizes: Iterable[int] | None = None
    ) -> None:
        self.messages = list(messages)
        self.sizes = [size_of(message) for message in self.messages] if sizes is None else list(sizes)
        self.size = sum(self.sizes)
        self._digest = digest
        self._undigested: list[Message] = []  # the last word of a run is never asked about
        self.opening = len(self.messages)
        """Where the run under way begins."""

    def add(self, message: Message) -> None:
        size = size_of(message)
        self.messages.append(message)
        self.sizes.append(size)
        self.size += size
        self._undigested.append(message)

    @property
    def digest(self) -> bytes:
        """Stands for everything ever said in it, also what was dropped since."""
        for message in self._undigested:
            self._digest = hashed(self._digest + pack(message))
        self._undigested.clear()
        return self._digest

    def open(self, said: Sequence[Message]) -> None:
        """Begin the run under way with what was said."""
        self.opening = len(self.messages) + opening_of(said)
        for message in said:
            self.add(message)

    def drop(self, until: int) -> None:
        """Forget the messages before `until`, except the one that opens the run under way."""
        opening = self.messages[self.opening] if self.opening < until else None
        self.size -= sum(self.sizes[:until])
        del self.messages[:until], self.sizes[:until]
        self.opening = 0 if opening is not None else self.opening - until
        if opening is not None:
            self._put_first(opening)

    def begin_with(self, message: Message) -> None:
        """Put a message before all others."""
        self._put_first(message)
        self.opening += 1

    def _put_first(self, message: Message) -> None:
        size = size_of(message)
        self.messages.insert(0, message)
        self.sizes.insert(0, size)
        self.size += size


def size_of(message: Message) -> int:
    """Tokens of a message at the usual ratio, with what its frame takes."""
    return PER_MESSAGE + estimate_parts(message.parts)


def user_message(payload: Any) -> Message:
    """What somebody sent, as a message: text, a list of parts, `{"message": text}`, or any other data as JSON."""
    if isinstance(payload, dict) and set(payload) == {"message"} and isinstance(payload["message"], str):
        payload = payload["message"]
    if isinstance(payload, str):
        return Message("user", (Text(payload),))
    if isinstance(payload, list) and payload and all(isinstance(part, dict) and "type" in part for part in payload):
        return Message("user", msgspec.convert(payload, tuple[Part, ...]))
    return Message("user", (Text(to_json(payload).decode()),))


def said_with(payload: Any) -> tuple[Message, ...]:
    """All messages that somebody sent in one: a person's, and with a `Transcript` what was said before it, somewhere
    else."""
    found = transcript_of(payload)
    return (user_message(payload),) if found is None else found.transcript


def opening_of(said: Sequence[Message]) -> int:
    """The place of the message that opens a run with these: a person's last, as what follows it may be calls of tools
    that make no sense without it."""
    for place in range(len(said) - 1, -1, -1):
        if said[place].role == "user":
            return place
    return len(said) - 1


def assistant_message(response: ModelResponse) -> Message:
    return Message("assistant", response.parts)


async def recall(
    ctx: Context, tokens: int, recent: Recent, *, forgets: bool = False
) -> tuple[Sequence[Message], Sequence[int] | None]:
    """What was said before, the oldest first, back to about `tokens` tokens, with the sizes where they are known. An
    agent that `forgets` does not go back to where it was of another definition."""
    newest = await ctx.history(limit=NEWEST)
    if not newest:
        return (), ()
    if forgets:
        return await past(load(OWN_HISTORY)(ctx), tokens, ctx if ctx.restored is not None else None), None
    known = _known(ctx, newest, recent)
    if known is not None:
        return known.messages, known.sizes
    return await past(ctx.history, tokens, ctx if ctx.restored is not None else None), None


async def past(history: History, tokens: int, under_way: Context | None = None) -> Sequence[Message]:
    """What the journal has been told, the oldest first, back to about `tokens` tokens. The message that opened the run
    `under_way` comes first where it is further back than that."""
    found: list[r.Record] = []
    room = tokens * 4
    before: int | None = None
    while room > 0 and (page := await history(before=before, limit=200)):
        found += page
        before = page[-1].seq
        room -= sum(len(record.data) + len(record.payload or b"") for record in page)
    if under_way is None or any(one.run_id == under_way.run_id and one.type == "run.accepted" for one in found):
        return messages_of(reversed(found))
    said = said_with(under_way.envelope.payload)
    return messages_of(reversed(found), said[opening_of(said)])


def _known(ctx: Context, newest: Iterable[r.Record], recent: Recent) -> Talk | None:
    """The conversation from memory, where the journal has said nothing since."""
    for record in newest:
        event = decode(record)
        match event:
            case r.EffectDone(kind="model"):
                return recent.get(ctx.agent_id, record.run_id, event.digest)
            case r.RunFinished(status="done"):
                continue
            case _:
                return None
    return None


def messages_of(records: Iterable[r.Record], opening: Message | None = None) -> list[Message]:
    """The conversation that records tell, in order. It begins with a message of a person (`opening`, or the first on
    record), and every tool call in it has a result."""
    messages: list[Message] = [] if opening is None else [opening]
    calls: dict[str, ToolCall] = {}
    results: dict[str, ToolResult] = {}
    doubtful: dict[str, str] = {}  # key → id of the call that somebody may have decided

    def close() -> None:
        if calls:
            found = (results.get(id) or error_result(call, NOT_MADE) for id, call in calls.items())
            messages.append(Message("tool", tuple(found)))
            calls.clear()
            results.clear()

    def result(id: Any, key: str, value: Any) -> None:
        call = calls.get(str(id))
        if call is not None:
            failed = isinstance(value, PerdureError)
            results[call.id] = failure(call, value) if failed else answer(call, as_output(value), key=key)

    for record in records:
        event = decode(record)
        match event:
            case r.RunAccepted():
                close()
                messages.extend(said_with(unpack_as(event.body, Envelope).payload))
            case r.EffectDone(kind="model") if messages:
                close()
                response = unpack_as(event.body, ModelResponse)
                if "kept" in event.note:
                    messages[: len(messages) - event.note["kept"]] = [summary_message(response.text)]
                    continue
                if messages[-1].role == "assistant":  # an answer that was sent back, for it missed its shape
                    messages.pop()
                messages.append(assistant_message(response))
                calls.update((call.id, call) for call in response.tool_calls)
            case r.EffectIntended(kind="tool"):
                doubtful[record.key] = event.note.get("call", "")
            case r.EffectDone(kind="tool"):
                result(event.note.get("call", ""), record.key, unpack_as(event.body, ToolOutput))
            case r.EffectFailed(kind="tool"):
                result(event.note.get("call", ""), record.key, restored(event.body))
            case r.EffectResolved(how="done"):
                result(doubtful.get(record.key), record.key, unpack(event.body))
            case _:
                pass
    close()
    return messages


def as_output(value: Any) -> ToolOutput:
    """What a call gave, as a tool gives it: an operator who decides a call in doubt may say any data."""
    if isinstance(value, ToolOutput):
        return value
    return ToolOutput((Text(value if isinstance(value, str) else to_json(value).decode()),), value)


def summary_message(text: str) -> Message:
    return Message("user", (Text(f"Summary of the conversation so far:\n{text}"),))


def results_message(results: Sequence[ToolResult]) -> Message:
    return Message("tool", tuple(results))
