"""Somebody who waits for a run to come to rest."""

from __future__ import annotations

import asyncio

from perdure.base.errors import PerdureError

from .holding import Ended
from .store.rows import ENDED, RunRow

NEEDS_A_PERSON = frozenset(("approval", "in_doubt", "budget", "message"))


class Watcher:
    """`news` resolves when the run ended, yielded, was paused or, with `person`, waits for somebody;
    `unlike` is a row that is no news."""

    __slots__ = ("news", "person", "run_id", "unlike")

    def __init__(self, run_id: str, person: bool, unlike: RunRow | None, news: asyncio.Future[Ended]) -> None:
        self.run_id = run_id
        self.person = person
        self.unlike = unlike
        self.news = news

    def tell(self, ended: Ended) -> None:
        if not self.news.done() and ended.run != self.unlike and is_rest(ended, self.person):
            self.news.set_result(ended)

    def fail(self, error: PerdureError) -> None:
        if not self.news.done():
            self.news.set_exception(error)


def is_rest(ended: Ended, person: bool) -> bool:
    status = ended.run.status
    if status in ENDED or status in ("yielded", "paused"):
        return True
    if status == "queued":
        return person and bool(ended.waits)  # behind a run that waits for somebody
    return person and status == "waiting" and ended.run.waiting_for in NEEDS_A_PERSON
