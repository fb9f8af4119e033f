"""One request and its answer, as uvicorn has them; a head is looked at as a whole, not line by line."""

from __future__ import annotations

import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_PLAIN = re.compile(rb"[a-z0-9-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CONNECTION = frozenset((b"connection", b"transfer-encoding"))


class Cycle(RequestResponseCycle):
    async def send(self, message: Any) -> None:
        if self.response_started or self.disconnected or self.flow.write_paused or not self._begin(message):
            await super().send(message)

    def _begin(self, message: Any) -> bool:
        """Write the head of an answer whose length is known, and which leaves the connection as it is; of all others,
        and of what may be in no head, nothing."""
        head: dict[bytes, bytes] = dict(message.get("headers", ()))
        length = head.get(b"content-length")
        if length is None or not self.keep_alive or len(head) != len(message["headers"]):
            return False
        if not _CONNECTION.isdisjoint(head) or not _PLAIN.fullmatch(b"".join(head)):
            return False
        if _CONTROL.search(b"".join(head.values())):
            return False
        self.response_started, self.waiting_for_100_continue = True, False
        self.chunked_encoding, self.expected_content_length = False, int(length)
        lines = [b"%b: %b\r\n" % line for line in (*self.default_headers, *head.items())]
        self.transport.write(b"".join((STATUS_LINE[message["status"]], *lines, b"\r\n")))
        return True
