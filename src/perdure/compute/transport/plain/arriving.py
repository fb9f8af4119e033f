"""An answer while it arrives, and the one who waits for it."""

from __future__ import annotations

import asyncio
from enum import IntEnum

from perdure.base.errors import InvalidAnswer, ModelError


class Part(IntEnum):
    """How much of an answer somebody waits for."""

    HEAD = 1
    SOME = 2  # a piece of the body, or its end
    WHOLE = 3


class Stale(Exception):
    """A connection that was kept had been closed by the other side before it said a byte of this answer."""


class Arriving:
    """Filled by a connection, emptied by an exchange. `status` is 0 until the head is there."""

    __slots__ = (
        "_limit",
        "_part",
        "_pieces",
        "_size",
        "_waiter",
        "ended",
        "error",
        "headers",
        "place",
        "status",
        "unread",
    )

    def __init__(self, place: str, limit: int) -> None:
        self.place = place
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self.error: ModelError | Stale | None = None
        self.unread = 0
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []
        self._part = Part.WHOLE
        self._waiter: asyncio.Future[None] | None = None

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """Raises InvalidAnswer where the head says already that the body is too large."""
        stated = headers.get("content-length")
        if stated is not None and int(stated) > self._limit:
            raise too_large(self.place, self._limit)
        self.status = status
        self.headers = headers

    def add(self, piece: bytes) -> None:
        """Raises InvalidAnswer where the body has become too large."""
        self._size += len(piece)
        if self._size > self._limit:
            raise too_large(self.place, self._limit)
        self.unread += len(piece)
        self._pieces.append(piece)

    def take(self) -> bytes:
        """What has arrived of the body and was not taken yet."""
        pieces, self._pieces, self.unread = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def fail(self, error: ModelError | Stale) -> None:
        if not self.ended and self.error is None:
            self.error = error
            self.wake()

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done() and (self.error is not None or self._is_there(self._part)):
            waiter.set_result(None)

    async def wait(self, part: Part) -> None:
        """Until so much is there. Raises what made the answer fail; what came before is still there to be taken."""
        if self.error is None and not self._is_there(part):
            self._part = part
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.error is not None and not self._is_there(part):
            raise self.error

    def _is_there(self, part: Part) -> bool:
        if part is Part.HEAD:
            return self.status != 0
        return self.ended or (part is Part.SOME and self.unread > 0)


def too_large(place: str, limit: int) -> InvalidAnswer:
    return InvalidAnswer(f"{place} answered with more than {limit} bytes", retryable=False, limit=limit)
