"""What the jobs of this process came to, counted as they end; the ledger has the same, one by one."""

from __future__ import annotations

from collections import Counter

from perdure.base.histogram import Histogram

from .job import Job
from .request import KINDS

OTHER = "custom"
"""Kinds that somebody made up are counted together: there may be any number of those."""


class Tally:
    """Counters that only rise: jobs that are over by (kind, status), how long they took by kind, and what they cost in
    micro-USD."""

    __slots__ = ("cost", "ended", "seconds")

    def __init__(self) -> None:
        self.ended: Counter[tuple[str, str]] = Counter()
        self.seconds: dict[str, Histogram] = {}
        self.cost = 0

    def note(self, job: Job) -> None:
        """A job is over, and that is on disk."""
        said = str(job.request.kind)
        kind = said if said in KINDS else OTHER
        self.ended[kind, job.status] += 1
        self.seconds.setdefault(kind, Histogram()).observe(job.latency_ms / 1000)
        self.cost += job.cost
