"""Answers of the Responses API in pieces (https://platform.openai.com/docs/api-reference/responses-streaming)."""

from __future__ import annotations

import msgspec

from perdure.base.errors import BrokenStream
from perdure.base.messages import Delta, Finished, TextDelta, ThinkingDelta, ToolCallDelta

from ..body import decode_body
from ..call_ids import made_up_id
from .answer import read_item, whole_answer
from .errors import body_error
from .shapes import Event

_decoder = msgspec.json.Decoder(Event)

_SAID = ("response.output_text.delta", "response.refusal.delta")
_THOUGHT = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_ENDED = ("response.completed", "response.incomplete", "response.failed")


class Decoder:
    """The last event holds the whole answer; what came before is for those who watch."""

    __slots__ = ("_calls", "_done", "_items")

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}  # the call's number by its place in the output
        self._items: dict[int, msgspec.Raw] = {}
        self._done = False

    def feed(self, event: str, data: str) -> list[Delta]:
        if self._done or not data or data == "[DONE]":
            return []
        heard = decode_body(_decoder, data)
        kind = heard.type or event
        if kind in _SAID:
            return [TextDelta(heard.delta)] if heard.delta else []
        if kind in _THOUGHT:
            return [ThinkingDelta(heard.delta)] if heard.delta else []
        if kind == "response.function_call_arguments.delta":
            if not heard.delta:
                return []
            return [ToolCallDelta(self._number(heard.output_index), arguments=heard.delta)]
        if kind == "response.output_item.added":
            return self._added(heard.output_index, heard.item)
        if kind == "response.output_item.done":
            self._items[heard.output_index] = heard.item.copy()
        elif kind in _ENDED and heard.response is not None:
            return self._ended(heard)
        elif kind == "error" or heard.error is not None:
            raise body_error(heard.error or {"code": heard.code, "message": heard.message})
        return []

    def end(self) -> list[Delta]:
        if not self._done:
            raise BrokenStream("the stream ended before the answer did")
        return []

    def _number(self, place: int) -> int:
        return self._calls.setdefault(place, len(self._calls))

    def _added(self, place: int, raw: msgspec.Raw) -> list[Delta]:
        item = read_item(raw)
        if item.type != "function_call":
            return []
        # Arguments that are there from the start come again in pieces.
        return [ToolCallDelta(self._number(place), item.call_id or made_up_id(place), item.name or "")]

    def _ended(self, heard: Event) -> list[Delta]:
        reply = heard.response
        assert reply is not None
        if not reply.output and self._items:  # some servers leave the output of the last event empty
            reply.output = [raw for _, raw in sorted(self._items.items(), key=lambda entry: entry[0])]
        answer = whole_answer(reply)
        self._done = True
        return [Finished(answer)]
