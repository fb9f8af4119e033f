"""HTTP/1.1 as uvicorn speaks it, with an end to patience: a head has a size, a request a time to arrive in, and an
answer one to be taken in."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from perdure.base.errors import HeadTooLarge, Malformed, RequestError, SlowRequest

from .joining import JoiningTransport
from .problems import problem
from .reply import Reply

MAX_HEAD = 64 * 1024
"""Bytes of the request line and all headers."""
ARRIVAL_S = 30.0
"""Seconds in which a request has to arrive as a whole, and a new connection has to begin with one."""
FRESH_S = 0.3
"""Seconds that a connection without a request has to begin with one when the server stops."""
STALLED_S = 60.0
"""Seconds in which a client has to take what waits for it: a few dozen KiB, the rest is with the operating system."""
LINGER_S = 1.0
"""Seconds in which a client that was refused may go on sending what nobody reads."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _head = 0
    _is_arriving = False
    _has_asked = False
    _is_late = False
    _is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(JoiningTransport(transport, self.loop))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self.resume_writing()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server stops: whoever has come and said nothing yet may have a request on its way."""
        if not (self._has_asked or self._is_refused or self._is_late):
            self._is_late = True
            self.loop.call_later(FRESH_S, self._close_late)
        else:
            super().shutdown()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more. One that asked for something may still listen; a stream that nobody could end is
        ended here."""
        listens = not self._is_arriving and self.cycle is not None and not self.cycle.response_started
        if listens:
            self.cycle.keep_alive = False
        return listens and self.scheme == "http"  # TLS has no half of a connection

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            # Who comes back for a stream with its last id misses nothing.
            self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if not self._is_arriving:
            self._arrived()
        elif self._deadline is None:
            self._wait()

    def _close_late(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    # What the parser finds. A head in many small pieces is counted as they come.

    def on_message_begin(self) -> None:
        self._head = 0
        self._has_asked = self._is_arriving = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_message_complete(self) -> None:
        self._is_arriving = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head > MAX_HEAD:
            error: RequestError = HeadTooLarge(f"the head of the request has more than {MAX_HEAD:,} bytes")
        else:
            error = Malformed("this is not HTTP/1.1", hint="")
        self._refuse(problem(error))

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            raise ValueError("the head is too large")  # the parser stops, and asks for a 400

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(ARRIVAL_S, self._too_late)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if not self._is_arriving or (self.cycle is not None and self.cycle.response_started):
            self.transport.close()
        else:
            self._refuse(problem(SlowRequest("the request did not arrive in time")))

    def _refuse(self, reply: Reply) -> None:
        content = reply.content()
        headers: dict[str, Any] = {
            "content-type": reply.media_type,
            "content-length": len(content),
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[reply.status] + lines.encode() + b"\r\n" + content)
        self._is_refused = True
        # Closing before the client has sent everything would take the answer from it again.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
