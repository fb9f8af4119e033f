"""Bodies that come compressed although nobody asked for it: gzip and deflate, never unpacked beyond a limit."""

from __future__ import annotations

import zlib
from typing import Protocol

from perdure.base.errors import BrokenStream, InvalidAnswer

from .arriving import too_large

_GZIP = 16 + zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class _Inflate(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class Unpacker:
    """Unpacks one body piece by piece into at most `limit` bytes.

    Raises InvalidAnswer, and BrokenStream for a body that is cut.
    """

    def __init__(self, coding: str, place: str, limit: int) -> None:
        self._coding = coding.strip().lower()
        self._place = place
        self._limit = limit
        self._left = limit
        self._stream: _Inflate | None = None
        if self._coding not in ("gzip", "x-gzip", "deflate"):
            raise InvalidAnswer(f"{place} answered with the content-encoding {coding!r}, which was not asked for")

    def feed(self, data: bytes) -> bytes:
        unpacked = []
        while data:
            if self._stream is None or self._stream.eof:  # a gzip file may be several, one after the other
                self._stream = self._open(data)
            try:
                unpacked.append(self._stream.decompress(data, self._left + 1))
            except zlib.error as error:
                raise InvalidAnswer(f"{self._place} answered with what is not {self._coding}: {error}") from error
            self._left -= len(unpacked[-1])
            if self._left < 0:
                raise too_large(self._place, self._limit)
            data = self._stream.unused_data
        return b"".join(unpacked)

    def end(self) -> None:
        if self._stream is not None and not self._stream.eof:
            raise BrokenStream(f"{self._place} answered with a body that ends in the middle of its {self._coding}")

    def _open(self, data: bytes) -> _Inflate:
        if self._coding != "deflate":
            return zlib.decompressobj(_GZIP)
        return zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == 8 else _RAW)  # some servers leave zlib's head out
