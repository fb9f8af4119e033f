"""Server-sent events, parsed as the bytes arrive (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from perdure.base.errors import InvalidAnswer

MAX_EVENT = 16 * 1024 * 1024
"""Bytes that one event may have."""

_BOM = b"\xef\xbb\xbf"


class SseParser:
    """Takes chunks cut anywhere and gives whole events as `(event, data)`; `event` is "" where the server named none.

    An event that the stream ends in the middle of is never given. Raises InvalidAnswer for one over `limit` bytes.
    """

    __slots__ = ("_data", "_event", "_limit", "_pieces", "_size", "_skip_newline", "_started")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []  # of the line that has not ended yet
        self._data: list[bytes] = []  # lines of the event that has not ended yet
        self._size = 0  # bytes held in both
        self._event = b""
        self._skip_newline = False
        self._started = False

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        # A carriage return ends a line at once, so the newline that may follow in the next chunk belongs to it.
        if self._skip_newline and chunk:
            self._skip_newline = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\n" not in chunk and b"\r" not in chunk:
            self._hold(self._pieces, chunk)
            return []
        if self._pieces:
            self._pieces.append(chunk)
            self._size -= sum(map(len, self._pieces[:-1]))
            chunk = b"".join(self._pieces)
            self._pieces = []
        lines = chunk.splitlines()
        if chunk.endswith(b"\r"):
            self._skip_newline = True
        elif not chunk.endswith(b"\n"):
            self._hold(self._pieces, lines.pop())
        if not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(_BOM)
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[tuple[str, str]]:
        events: list[tuple[str, str]] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._hold(self._data, line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                if self._data:
                    text = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append((self._event.decode("utf-8", "replace"), text.decode("utf-8", "replace")))
                    self._size -= sum(map(len, self._data))
                    self._data = []
                self._event = b""
            elif line.startswith(b"event:"):
                self._event = line[7:] if line[6:7] == b" " else line[6:]
            elif line == b"data":
                self._data.append(b"")
        return events

    def _hold(self, place: list[bytes], piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise InvalidAnswer(f"the server sent an event of more than {self._limit} bytes", limit=self._limit)
        place.append(piece)
