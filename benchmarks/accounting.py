"""The CPU that this process and all that it started have used, by the system's own accounting."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import NamedTuple

PROC = Path("/proc")


class Used(NamedTuple):
    """Of a process that lives: its parent, and clock ticks of it and of its children that have ended."""

    parent: int
    ticks: int


def cpu_ms() -> float:
    """User and system, all threads: of this process and of those below it, whether they have ended or live. Those that
    live are counted in ticks of the system (10 ms), and not at all where there is no /proc."""
    ended = sum(usage.ru_utime + usage.ru_stime for usage in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))
    living = {pid: used for pid, used in _processes() if pid != os.getpid()}
    ticks = sum(used.ticks for used in below(os.getpid(), living))
    return (ended + ticks / os.sysconf("SC_CLK_TCK")) * 1000


def below(ancestor: int, processes: Mapping[int, Used]) -> Iterator[Used]:
    """Its children, and theirs."""
    for pid, used in processes.items():
        if used.parent == ancestor:
            yield used
            yield from below(pid, processes)


def used_in(stat: str) -> Used:
    """From a line of /proc/PID/stat (proc(5)); the name in it may have blanks and brackets of its own."""
    fields = stat.rpartition(")")[2].split()
    return Used(int(fields[1]), sum(map(int, fields[11:15])))


def _processes() -> Iterator[tuple[int, Used]]:
    for folder in PROC.glob("[0-9]*"):
        try:
            yield int(folder.name), used_in((folder / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
