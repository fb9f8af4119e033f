"""Answers of Chat Completions in pieces (https://platform.openai.com/docs/api-reference/chat-streaming)."""

from __future__ import annotations

import msgspec

from perdure.base.errors import BrokenStream
from perdure.base.messages import Delta, Finished

from ..body import decode_body
from .answer import Answer
from .shapes import Completion

_decoder = msgspec.json.Decoder(Completion)


class Decoder:
    """The answer is whole when a finish reason was given and the stream closed; usage comes between the two."""

    __slots__ = ("_answer", "_done")

    def __init__(self) -> None:
        self._answer = Answer()
        self._done = False

    def feed(self, event: str, data: str) -> list[Delta]:
        if self._done or not data:
            return []
        if data == "[DONE]":
            return self.end()
        return self._answer.take(decode_body(_decoder, data))

    def end(self) -> list[Delta]:
        if self._done:
            return []
        if self._answer.finish_reason is None:
            raise BrokenStream("the stream ended before the answer did")
        self._done = True
        return [Finished(self._answer.whole())]
