"""HTTP/1.1 as uvicorn speaks it, with an end to patience: a head has a size, a request a time to arrive in, and an
answer one to be taken in."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from httptools import parse_url
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from perdure.base.errors import HeadTooLarge, Malformed, RequestError, SlowRequest

from .cycle import Cycle
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
_TOO_LARGE = "the head is too large"
"""For the parser, which stops then and asks for a 400."""


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
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head = len(self.url)
        if self._head > MAX_HEAD:
            raise ValueError(_TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head > MAX_HEAD:
            raise ValueError(_TOO_LARGE)
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser, url = self.parser, self.url
        if url.startswith(b"/"):
            path, _, query = url.partition(b"#")[0].partition(b"?")
        else:
            parsed = parse_url(url)
            path, query = parsed.path, parsed.query or b""
        said = path.decode("ascii")
        version = parser.get_http_version()
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(said) if "%" in said else said,
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            "state": {},
        }
        before, self.cycle = (
            self.cycle,
            Cycle(
                scope=self.scope,
                transport=self.transport,
                flow=self.flow,
                logger=self.logger,
                access_logger=self.access_logger,
                access_log=False,
                default_headers=self.server_state.default_headers,
                message_event=asyncio.Event(),
                expect_100_continue=self.expect_100_continue,
                keep_alive=version != "1.0" and parser.should_keep_alive(),
                on_response=self.on_response_complete,
            ),
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_message_complete(self) -> None:
        self._is_arriving = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head > MAX_HEAD:
            error: RequestError = HeadTooLarge(f"the head of the request has more than {MAX_HEAD:,} bytes")
        else:
            error = Malformed("this is not HTTP/1.1", hint="")
        self._refuse(problem(error))

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
