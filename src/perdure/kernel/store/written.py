"""What a process wrote to its store: how many commits shared a transaction, and how long the disk took."""

from __future__ import annotations

from perdure.base.histogram import Histogram

_COMMITS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Written:
    """`batches` are transactions by their commits, `syncs` the seconds until each was on disk."""

    __slots__ = ("batches", "syncs")

    def __init__(self) -> None:
        self.batches = Histogram(_COMMITS)
        self.syncs = Histogram(_SECONDS)

    def note(self, commits: int, seconds: float) -> None:
        self.batches.observe(commits)
        self.syncs.observe(seconds)
