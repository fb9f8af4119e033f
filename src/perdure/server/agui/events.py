"""What happens in a run, as events of AG-UI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from perdure.base.codec import digest, to_json
from perdure.base.errors import BrokenStream
from perdure.control.approvals import Approval
from perdure.control.handing import HandedOver
from perdure.control.listening import RunEvent
from perdure.control.results import RunResult

VERSION = "1.0"

Event = dict[str, Any]


class Telling:
    """Turns what is heard of one run into events. Every message and call that is begun is ended before the run is."""

    def __init__(self, run_id: str, theirs: Iterable[str]) -> None:
        self._run_id = run_id
        self._theirs = frozenset(theirs)
        self._open: tuple[str, str] | None = None  # kind and id of the message under way
        self._shown = ""
        self._message = ""
        self._calls: dict[str, str] = {}
        self.has_spoken = False

    def hear(self, event: RunEvent) -> Iterator[Event]:
        """Raises BrokenStream where something was shown that is void now."""
        match event.type:
            case "text":
                fresh = event.text.removeprefix(self._shown) if event.replaces else event.text
                yield from self._say("TEXT_MESSAGE", event.key, fresh)
                self._shown += fresh
            case "thinking" if not event.replaces:
                yield from self._say("REASONING_MESSAGE", event.key, event.text)
            case "restart" if self._shown:
                raise BrokenStream("the answer broke off, and what was sent cannot be taken back: ask again")
            case "model":
                yield from self._say("TEXT_MESSAGE", event.key, event.text.removeprefix(self._shown))
                yield from self.end()
                self._shown = ""
            case "tool_start" if event.data["name"] not in self._theirs:
                id = self._id(event.key, "call_", event.data["id"])
                self._calls[event.data["id"]] = id
                yield from self.call(id, event.data["name"], event.data["arguments"])
            case "tool_end" if id := self._calls.pop(event.data["id"], ""):
                shown = event.data.get("error", event.data.get("output"))
                yield {
                    "type": "TOOL_CALL_RESULT",
                    "messageId": f"{id}_result",
                    "toolCallId": id,
                    "role": "tool",
                    "content": _text(shown),
                }
            case _:
                pass

    def call(self, id: str, name: str, arguments: Any) -> Iterator[Event]:
        """A call as a whole."""
        written = arguments if isinstance(arguments, str) else to_json(arguments).decode()
        about = {"parentMessageId": self._message} if self._message else {}
        yield {"type": "TOOL_CALL_START", "toolCallId": id, "toolCallName": name, **about}
        yield {"type": "TOOL_CALL_ARGS", "toolCallId": id, "delta": written}
        yield {"type": "TOOL_CALL_END", "toolCallId": id}

    def say(self, text: str) -> Iterator[Event]:
        """A message as a whole."""
        yield from self._say("TEXT_MESSAGE", "answer", text)
        yield from self.end()

    def end(self) -> Iterator[Event]:
        """End the message under way."""
        if self._open is None:
            return
        kind, id = self._open
        self._open = None
        yield {"type": f"{kind}_END", "messageId": id}
        if kind == "REASONING_MESSAGE":
            yield {"type": "REASONING_END", "messageId": id}

    def _say(self, kind: str, key: str, text: str) -> Iterator[Event]:
        if not text:
            return
        id = self._id(key, "msg_" if kind == "TEXT_MESSAGE" else "thought_")
        if self._open != (kind, id):
            yield from self.end()
            self._open = kind, id
            if kind == "REASONING_MESSAGE":
                yield {"type": "REASONING_START", "messageId": id}
            else:
                self._message, self.has_spoken = id, True
            role = "assistant" if kind == "TEXT_MESSAGE" else "reasoning"
            yield {"type": f"{kind}_START", "messageId": id, "role": role}
        yield {"type": f"{kind}_CONTENT", "messageId": id, "delta": text}

    def _id(self, key: str, prefix: str, more: str = "") -> str:
        # The deltas of an answer and the record of it tell its place with and without its last word.
        return f"{prefix}{digest([self._run_id, key.rpartition('/')[0], more])[:24]}"


def finished(
    about: Mapping[str, str], result: RunResult, calls: Iterable[HandedOver], approvals: Iterable[Approval]
) -> Event:
    """How a run ended, or what it waits for."""
    if result.status == "cancelled":
        return {"type": "RUN_FINISHED", **about, "outcome": {"type": "cancelled"}}
    if result.error is not None:
        return failed(str(result.error.get("message", "")), str(result.error.get("code", "")))
    interrupts = [_interrupt(one) for one in approvals]
    if interrupts:
        return {"type": "RUN_FINISHED", **about, "outcome": {"type": "interrupt", "interrupts": interrupts}}
    pending = [call.id for call in calls]
    if pending:
        return {"type": "RUN_FINISHED", **about, "outcome": {"type": "success", "pendingToolCallIds": pending}}
    if result.status not in ("done", "yielded"):
        return failed(f"run {result.run_id} is {result.status} {result.waiting_for}".strip(), "run.wrong_state")
    return {"type": "RUN_FINISHED", **about, "result": result.output, "outcome": {"type": "success"}}


def failed(message: str, code: str) -> Event:
    return {"type": "RUN_ERROR", "message": message, "code": code}


def _interrupt(approval: Approval) -> Event:
    about = approval.about
    found: Event = {
        "id": approval.id,
        "reason": "budget" if about.get("kind") == "budget" else "approval",
        "message": str(about.get("question", "")),
        "metadata": {"about": about.get("about")},
    }
    if options := about.get("options"):
        found["responseSchema"] = {"type": "string", "enum": list(options)}
    if approval.due is not None:
        found["expiresAt"] = datetime.fromtimestamp(approval.due / 1000, UTC).isoformat()
    return found


def _text(value: Any) -> str:
    """What a tool gave, as text: of its output the parts that are."""
    match value:
        case {"parts": list(parts)}:
            return "".join(part["text"] for part in parts if part.get("type") == "text")
        case {"message": str(message)}:
            return message
        case str():
            return value
        case _:
            return to_json(value).decode()
