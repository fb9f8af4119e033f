"""Requests that may be made twice: the first answer is remembered, and given again."""

from __future__ import annotations

import msgspec

from perdure.base.clock import Clock

from .store.ops import ForgetExpired, NotRemembered, Remember
from .store.port import Store

TTL_MS = 3_600_000
"""How long an answer is remembered where nothing else is said."""


class Scope(msgspec.Struct, frozen=True, gc=False):
    """Within which a caller's idempotency keys mean something: what one agent asks of one provider."""

    agent_id: str
    provider_id: str

    def key(self, user_key: str) -> str:
        """`agent:provider:key`. What separates the parts is escaped in the first two, so that no two triples have the
        same key."""
        return f"{self.prefix}{user_key}"

    @property
    def prefix(self) -> str:
        """What all keys of this scope begin with."""
        return f"{_escaped(self.agent_id)}:{_escaped(self.provider_id)}:"


class Idempotency:
    """Remembered answers, by scope and the caller's key. Times are milliseconds.

    Where an answer has to be remembered together with what the request does, take `guard` and `op` into that commit: it
    fails with KeyExists, having done nothing, where the request was answered before.
    """

    def __init__(self, store: Store, clock: Clock, ttl_ms: int = TTL_MS) -> None:
        self._store = store
        self._clock = clock
        self._ttl_ms = ttl_ms

    async def get(self, scope: Scope, key: str) -> bytes | None:
        """The answer, None where there is none or it has expired."""
        return await self._store.remembered(scope.key(key), self._clock.now())

    async def contains(self, scope: Scope, key: str) -> bool:
        return await self.get(scope, key) is not None

    async def put(self, scope: Scope, key: str, data: bytes, ttl_ms: int | None = None) -> bytes:
        """Remember an answer. Returns the one that counts: the earlier one where somebody was faster."""
        (counts,) = await self._store.commit([self.op(scope, key, data, ttl_ms)])
        return bytes(counts)

    async def cleanup(self) -> int:
        """Forget expired answers, also those of other scopes. Returns how many."""
        (count,) = await self._store.commit([ForgetExpired(self._clock.now())])
        return int(count)

    def op(self, scope: Scope, key: str, data: bytes, ttl_ms: int | None = None) -> Remember:
        now = self._clock.now()
        return Remember(scope.key(key), data, now, now + (self._ttl_ms if ttl_ms is None else ttl_ms))

    def guard(self, scope: Scope, key: str) -> NotRemembered:
        return NotRemembered(scope.key(key), self._clock.now())


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A")
