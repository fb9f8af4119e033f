"""Asks again after a passing failure: exponential backoff with jitter, and never a half answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import count

import msgspec

from perdure.base.clock import Clock
from perdure.base.errors import ModelError, Overloaded, RateLimited
from perdure.base.messages import Delta, Finished, ModelRequest, ModelResponse, Restart

from .port import Model, generate

ATTEMPTS = 3
FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 30_000


class Retry:
    """Makes a call again as a whole where its error is `retryable`, at most `attempts` times in all.

    Waits half a second, then twice as long each time, less up to half of it by `chance` (0 ≤ chance() < 1); a provider
    that says how long to wait is heeded. All attempts and waits together keep within the request's `timeout_ms`: a wait
    that would end later is not begun. A stream that had shown something is followed by `Restart` before it begins anew.
    """

    def __init__(self, model: Model, *, clock: Clock, chance: Callable[[], float], attempts: int = ATTEMPTS) -> None:
        self.name = model.name
        self._model = model
        self._clock = clock
        self._chance = chance
        self._attempts = attempts

    async def whole(self, request: ModelRequest) -> ModelResponse:
        end = self._clock.now() + request.timeout_ms
        asked, attempt = request, 1
        while True:
            try:
                return await generate(self._model, asked)
            except ModelError as error:
                wait = self._pause(error, attempt, end)
            asked = await self._later(wait, request, end)
            attempt += 1

    async def stream(self, request: ModelRequest) -> AsyncIterator[Delta]:
        if not request.stream:
            yield Finished(await self.whole(request))
            return
        end = self._clock.now() + request.timeout_ms
        asked = request
        for attempt in count(1):
            shown = False
            try:
                async for delta in self._model.stream(asked):
                    shown = True
                    yield delta
                return
            except ModelError as error:
                wait = self._pause(error, attempt, end)
                failed = error
            if shown:
                yield Restart(str(failed))
            asked = await self._later(wait, request, end)

    def _pause(self, error: ModelError, attempt: int, end: int) -> float:
        """How long to wait before the next attempt. Raises the error where there is none."""
        wait = wait_before(error, attempt, self._chance())
        if attempt >= self._attempts or not error.retryable or self._clock.now() + wait >= end:
            error.facts["attempts"] = attempt
            raise error
        return wait

    async def _later(self, wait: float, request: ModelRequest, end: int) -> ModelRequest:
        """Wait; then the request, with what is left of its time."""
        await self._clock.sleep(wait)
        return msgspec.structs.replace(request, timeout_ms=max(1, end - self._clock.now()))


def wait_before(error: ModelError, attempt: int, chance: float) -> float:
    """Milliseconds to wait after the failure of this attempt (the first is 1)."""
    backoff: float = min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS) * (1 - chance / 2)
    told = error.retry_after if isinstance(error, (RateLimited, Overloaded)) else None
    return backoff if told is None else max(backoff, told * 1000)
