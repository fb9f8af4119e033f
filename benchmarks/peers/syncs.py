"""The fsyncs of a program and of all that it starts, counted by strace."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from peers.process import Failed, output

SYNCS = ("fsync", "fdatasync")


def syncs(words: list[str], environment: Mapping[str, str], folder: Path, limit_s: float) -> int:
    """What the program calls from its start to its end; the count is left in the folder. Raises Failed."""
    strace = shutil.which("strace")
    if strace is None:
        raise Failed("strace is not installed")
    counted = folder / "syncs"
    traced = [strace, "-f", "--seccomp-bpf", "-c", "-o", str(counted), "-e", f"trace={','.join(SYNCS)}"]
    output([*traced, *words], environment, limit_s)
    return calls(counted.read_text())


def calls(counted: str) -> int:
    """The calls in a table of `strace -c`: the fourth column."""
    rows = [line.split() for line in counted.splitlines()]
    return sum(int(row[3]) for row in rows if row and row[-1] in SYNCS and re.fullmatch(r"\d+", row[3]))
