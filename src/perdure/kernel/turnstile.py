"""The turnstile: how many runs begin in one round of the event loop.

A thousand messages that arrive at once are all accepted before most of their runs begin: who sends has its receipt, and
a busy engine stays ready to listen.
"""

from __future__ import annotations

import asyncio
from collections import deque

AT_ONCE = 4


class Turnstile:
    """Lets so many through in each round, first come, first served."""

    __slots__ = ("_at_once", "_free", "_is_turning", "_waiting")

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._free = at_once
        self._is_turning = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def is_free(self) -> bool:
        """Go through now; False where one has to `wait`."""
        if self._waiting or not self._free:
            return False
        self._free -= 1
        self._turn_later()
        return True

    async def wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._turn_later()
        await turn

    def _turn_later(self) -> None:
        if not self._is_turning:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_turning = False
        self._free = self._at_once
        while self._waiting and self._free:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._free -= 1
        if self._waiting:
            self._turn_later()
