"""Where runs that could begin wait while more are being accepted: a receipt is what a caller waits for first."""

from __future__ import annotations

import asyncio

AT_ONCE = 64
"""So many runs are worked on beside any number of arrivals."""
QUIET_MS = 5
"""Nothing has arrived for so long: the rest may begin."""
PATIENCE_MS = 500
"""How long a run waits for that: a steady stream of arrivals must not keep what was accepted from its work."""


class Gate:
    """Whoever comes through counts what arrives (`arrived`), and says how many are inside. `arriving` are agents whose
    first message is on its way to the disk: nobody else may begin with them."""

    __slots__ = ("_seen", "_waiting", "arrived", "arriving")

    def __init__(self) -> None:
        self.arrived = 0
        self.arriving: set[str] = set()
        self._seen = 0
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []  # since when; the first came first

    def is_full(self, came: int) -> bool:
        """Whether there is no place beside those who have come, of whom some wait, and those who are about to."""
        return came + len(self.arriving) - len(self._waiting) > AT_ONCE

    async def wait(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._look_later(loop)
        turn = loop.create_future()
        self._waiting.append((loop.time(), turn))
        await turn

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._seen = self.arrived
        loop.call_later(QUIET_MS / 1000, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        is_quiet = self._seen == self.arrived and not self.arriving
        since = loop.time() if is_quiet else loop.time() - PATIENCE_MS / 1000
        waiting = self._waiting
        self._waiting = [one for one in waiting if one[0] > since]
        for began, turn in waiting:
            if began <= since and not turn.done():
                turn.set_result(None)
        if self._waiting:
            self._look_later(loop)
