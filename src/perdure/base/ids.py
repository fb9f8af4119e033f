"""Ids: UUIDv7 (RFC 9562) as 32 hex digits behind a short prefix, so that they sort by the time they were made."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

from .clock import Clock


class Pool:
    """Random bytes of the operating system, asked for in kilobytes: a call for ten of them costs as much as for all."""

    __slots__ = ("_bytes", "_pid", "_used")

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0
        self._pid = 0

    def __call__(self, n: int) -> bytes:
        pid = os.getpid()
        if self._used + n > len(self._bytes) or pid != self._pid:  # a forked child must not go on with these
            self._bytes, self._used, self._pid = os.urandom(4096), 0, pid
        self._used += n
        return self._bytes[self._used - n : self._used]


class Ids:
    """Makes ids such as `run_0193…`. `entropy(n)` gives n random bytes; hand in a seeded one for tests."""

    __slots__ = ("_clock", "_entropy")

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes] | None = None) -> None:
        self._clock = clock
        self._entropy = entropy or Pool()

    def new(self, prefix: str) -> str:
        return f"{prefix}_{uuid7(self._clock.now(), self._entropy(10))}"

    def secret(self, n: int) -> bytes:
        """`n` random bytes that nobody can guess."""
        return self._entropy(n)

    def short(self) -> str:
        """Eight hex digits for the end of a human id, as in `support-7f3a90c1`."""
        return self._entropy(4).hex()


def seeded(seed: int) -> Callable[[int], bytes]:
    """Entropy that repeats: the same seed gives the same ids."""
    return Random(seed).randbytes


def uuid7(now_ms: int, entropy: bytes) -> str:
    """The 32 hex digits of a UUIDv7 for `now_ms` (milliseconds) and ten random bytes."""
    rest = int.from_bytes(entropy, "big")
    low = (rest & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
    return f"{now_ms:012x}7{rest >> 68:03x}{low:016x}"
