"""What the scenarios measure with: CPU and time between two points, memory, quantiles, and the pace of the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time

SPINS = 1_000_000


class Meter:
    """CPU (all threads of this process, user and system) and wall time since it was made, in milliseconds."""

    def __init__(self) -> None:
        self._cpu = _cpu()
        self._wall = perf_counter()

    @property
    def cpu_ms(self) -> float:
        return (_cpu() - self._cpu) * 1000

    @property
    def wall_ms(self) -> float:
        return (perf_counter() - self._wall) * 1000


def _cpu() -> float:
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss_mb() -> float:
    """Resident memory of this process now, in MB (2^20 bytes); its peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except FileNotFoundError:
        return getrusage(RUSAGE_SELF).ru_maxrss / 2**20


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def pace_ms() -> float:
    """CPU milliseconds of a fixed loop: tells a slow moment of a shared machine from a slow program."""
    total, started = 0, process_time()
    for number in range(SPINS):
        total += number
    return (process_time() - started) * 1000
