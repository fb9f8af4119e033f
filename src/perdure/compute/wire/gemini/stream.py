"""Answers of Gemini's streamGenerateContent with `alt=sse`."""

from __future__ import annotations

import msgspec

from perdure.base.errors import BrokenStream
from perdure.base.messages import Delta, Finished

from ..body import decode_body
from .answer import Answer
from .shapes import Reply

_decoder = msgspec.json.Decoder(Reply)


class Decoder:
    """The format has no last event: the answer is whole when the stream closes after a finish reason was given."""

    __slots__ = ("_answer", "_done")

    def __init__(self) -> None:
        self._answer = Answer()
        self._done = False

    def feed(self, event: str, data: str) -> list[Delta]:
        if self._done or not data:
            return []
        if data == "[DONE]":  # not Google's, but some proxies send it
            return self.end()
        return self._answer.take(decode_body(_decoder, data))

    def end(self) -> list[Delta]:
        if self._done:
            return []
        if self._answer.finish_reason is None:
            raise BrokenStream("the stream ended before the answer did")
        self._done = True
        return [Finished(self._answer.whole())]
