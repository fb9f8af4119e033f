"""What a job says while it is done: everything so far for who comes late, then the rest."""

from __future__ import annotations

import sys

import msgspec

from perdure.namespace.feed import Feed
from perdure.namespace.port import Watch

from .job import Chunk, Job


class JobStream:
    """Keeps all of its chunks: they are no more than the answer. A cursor counts them from 1."""

    def __init__(self, job_id: str) -> None:
        self.has_begun = False
        self._job_id = job_id
        self._feed = Feed(sys.maxsize)

    def say(self, piece: str | None) -> None:
        """Tell a piece of the output; None: it begins anew."""
        self.has_begun = True
        self._tell(Chunk(self._job_id, "", restart=True) if piece is None else Chunk(self._job_id, piece))

    def end(self, job: Job) -> None:
        """Tell how the job ended, all at once where it has not said anything before."""
        self._tell(job.last_chunk if self.has_begun else job.whole_chunk)
        self._feed.end()

    async def watch(self, after: int | None = None) -> Watch:
        return await self._feed.watch(after or 0)

    def _tell(self, chunk: Chunk) -> None:
        self._feed.tell("data", data=msgspec.json.encode(chunk) + b"\n")


def told_at_once(job: Job) -> JobStream:
    """The stream of a job that is over and that nobody remembers the pieces of."""
    stream = JobStream(job.id)
    stream.end(job)
    return stream
