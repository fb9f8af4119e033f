"""What is good for one use: signatures and login codes, remembered until they would have expired anyway."""

from __future__ import annotations

from collections.abc import Sequence

from perdure.base.clock import Clock
from perdure.base.errors import VersionConflict
from perdure.kernel.store.ops import DropValue, Guard, Op, PutValue, ValueIs
from perdure.kernel.store.port import Store

PREFIX = "used/"
PRUNE_EVERY_MS = 10_000
SLACK_MS = 60_000
"""How long a use is remembered beyond its end: until nobody can still be on the way to it, by whichever clock."""
AT_ONCE = 500


class Once:
    """Uses are on disk before they count, so that neither another process nor a restart lets one through again. What
    has expired is forgotten along the way: there is never more than the uses of a window, and nothing in memory."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._prune_at = 0

    async def use(self, id: str, until: int, ops: Sequence[Op] = ()) -> bool:
        """Whether this is the first use of `id`, and not after `until` (ms UTC); `ops` are committed with it."""
        key = f"{PREFIX}{until:015d}/{id}"  # in order of their ends
        now = self._clock.now()
        if until < now:
            return False
        guard: Guard = ValueIs("", key, None)
        try:
            await self._store.commit([PutValue("", key, b"", now), *ops, *await self._expired(now)], [guard])
        except VersionConflict:
            return False
        return True

    async def _expired(self, now: int) -> list[Op]:
        if now < self._prune_at:
            return []
        page = await self._store.values("", PREFIX, limit=AT_ONCE)
        gone = [row.key for row in page.items if row.key < f"{PREFIX}{now - SLACK_MS:015d}"]
        if len(gone) < AT_ONCE:
            self._prune_at = now + PRUNE_EVERY_MS
        return [DropValue("", key) for key in gone]
