"""One connection: writes a request, reads its answer, and is kept for the next where both sides agree."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from perdure.base.errors import BrokenStream, InvalidAnswer, ModelError

from .arriving import Arriving, Stale

READ_AHEAD = 256 * 1024
"""Bytes that may wait to be read from a stream before the connection stops to take more."""

MAX_OVERHEAD = 64 * 1024
"""Bytes in a row that belong to no body: of a head, of interim answers, of trailers."""

_NO_BODY = (204, 304)


class Connection(asyncio.Protocol):
    """`freed` is called when it can carry the next request, `lost` when it is gone."""

    __slots__ = (
        *("_answer", "_freed", "_gone", "_headers", "_heard", "_in_head", "_lost", "_overhead", "_parser", "_paused"),
        *("_reusable", "_streamed", "_to_end", "_transport", "idle_since", "key", "used"),
    )

    def __init__(
        self, key: tuple[str, int], freed: Callable[[Connection], None], lost: Callable[[Connection], None]
    ) -> None:
        self.key = key
        self.idle_since = 0.0
        self.used = False
        self._freed = freed
        self._lost = lost
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._answer: Arriving | None = None
        self._headers: dict[str, str] = {}
        self._gone = False
        self._heard = False
        self._in_head = False
        self._overhead = 0
        self._paused = False
        self._reusable = False
        self._streamed = False
        self._to_end = False

    def send(self, head: bytes, body: bytes, answer: Arriving, *, streamed: bool) -> None:
        """Write the request; `answer` is filled as it comes, and a reader of a streamed one is not run over."""
        self._answer = answer
        self._streamed = streamed
        self._heard = self._to_end = False
        self._overhead = 0
        if self._gone:
            self._tell(answer, None)
        else:
            self._transport.writelines((head, body))

    def drop(self) -> None:
        """Hang up, and tell nobody."""
        self._answer = None
        self._transport.abort()

    def fail(self, error: ModelError) -> None:
        """Hang up, and tell the one who waits."""
        answer = self._answer
        self.drop()
        if answer is not None:
            answer.fail(error)

    def read_on(self, *, streamed: bool) -> None:
        self._streamed = streamed
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    # -- asyncio --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:  # nobody asked
            self._transport.abort()
            return
        self._heard = True
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._end(answer, reusable=False) if answer.ended else self.fail(_not_http(answer, error))
            return
        if answer.ended:
            self._end(answer, reusable=self._reusable)
        elif self._overhead > MAX_OVERHEAD:
            self.fail(InvalidAnswer(f"{answer.place} does not answer in HTTP: over {MAX_OVERHEAD} bytes of head"))
        else:
            if self._streamed and answer.unread > READ_AHEAD and not self._paused:
                self._paused = True
                self._transport.pause_reading()
            answer.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._lost(self)
        if self._answer is not None:
            self._tell(self._answer, exc)

    def _tell(self, answer: Arriving, exc: Exception | None) -> None:
        """What the end of the connection means for the answer under way."""
        self._answer = None
        if exc is None and self._to_end:
            answer.ended = True
            answer.wake()
        elif self.used and not self._heard:
            answer.fail(Stale())
        else:
            when = "in the middle of an answer" if answer.status else "before an answer"
            error = BrokenStream(f"{answer.place}: the connection ended {when}")
            error.__cause__ = exc
            answer.fail(error)

    def _end(self, answer: Arriving, *, reusable: bool) -> None:
        self._answer = None
        if reusable and not self._transport.get_write_buffer_size():
            self.used = True
            self._freed(self)
        else:
            self._transport.abort()
        answer.wake()

    # -- httptools: what is raised here ends the parsing ----------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.ended:
            raise Surplus
        self._headers = {}
        self._in_head = True

    def on_header(self, name: bytes, text: bytes) -> None:
        if self._in_head:  # else it is a trailer
            self._headers[name.decode("latin-1").lower()] = text.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._in_head = False
        status = self._parser.get_status_code()
        answer = self._answer
        if answer is None or status < 200:  # an interim answer
            return
        coding = self._headers.get("transfer-encoding")
        if coding is not None and coding.lower() != "chunked":
            raise InvalidAnswer(f"{answer.place} answered with the transfer-encoding {coding!r}")
        answer.begin(status, self._headers)
        self._to_end = status not in _NO_BODY and coding is None and "content-length" not in self._headers

    def on_body(self, data: bytes) -> None:
        self._overhead = 0
        if self._answer is not None:
            self._answer.add(data)

    def on_message_complete(self) -> None:
        if self._answer is not None and self._answer.status:
            self._answer.ended = True
            self._reusable = self._parser.should_keep_alive()


class Surplus(Exception):
    """Something comes after the end of an answer."""


def _not_http(answer: Arriving, error: Exception) -> ModelError:
    refused = error.__context__
    if isinstance(refused, ModelError):
        return refused
    said = "it changes the protocol" if isinstance(error, HttpParserUpgrade) else error
    invalid = InvalidAnswer(f"{answer.place} does not answer in HTTP: {said}")
    invalid.__cause__ = error
    return invalid
