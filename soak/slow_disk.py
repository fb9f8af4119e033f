"""A disk on which it takes long until what is written is there: fsync of the servers waits, as `slow_sync.c` has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_sync.c")


class SlowDisk:
    """`environment` is what a process begins with whose disk can be made slow. Where there is no C compiler, or no
    preloading, `is_there` is false."""

    def __init__(self, scratch: Path) -> None:
        self._delay = scratch / "slow"
        self._delay.write_bytes(bytes(4))
        library = scratch / "slow_sync.so"
        self.is_there = _built(library)
        self.environment: Mapping[str, str] = (
            {"LD_PRELOAD": str(library), "SLOW_SYNC": str(self._delay)} if self.is_there else {}
        )

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """While this is entered every fsync takes so much longer, from the next one on."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0)

    def _set(self, seconds: float) -> None:
        with self._delay.open("r+b") as file:  # never shorter than the word that is looked at
            file.write(round(seconds * 1_000_000).to_bytes(4, sys.byteorder))


def _built(library: Path) -> bool:
    make = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"]
    try:
        return subprocess.run(make, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False
