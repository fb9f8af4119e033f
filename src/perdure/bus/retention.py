"""Old events are forgotten: as the rules of their topics say, and never before every agent that subscribes had them."""

from __future__ import annotations

from collections.abc import Iterator

from perdure.base.background import Background
from perdure.base.clock import Clock
from perdure.base.errors import StoreError
from perdure.kernel.store.ops import Op, TrimEvents
from perdure.kernel.store.port import Store
from perdure.kernel.store.rows import TopicRow

from .dispatching import Dispatcher
from .rules import TopicRules

EVERY_MS = 60_000
PAGE = 500


class Retention:
    """Looks once a minute while it is started."""

    def __init__(self, store: Store, clock: Clock, rules: TopicRules, dispatcher: Dispatcher) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._dispatcher = dispatcher
        self._work = Background(self._run)
        self.trouble: StoreError | None = None

    async def start(self) -> None:
        self._work.start()

    async def stop(self) -> None:
        await self._work.stop()

    async def trim(self) -> int:
        """Remove what may go now; gives how many events that were."""
        upto, cursor, removed = await self._dispatcher.floor(), "", 0
        while True:
            page = await self._store.topics(cursor=cursor, limit=PAGE)
            ops = [op for row in page.items for op in self._ops(row, upto)]
            if ops:
                removed += sum(await self._store.commit(ops))
            cursor = page.next
            if not cursor:
                return removed

    def _ops(self, row: TopicRow, upto: int) -> Iterator[Op]:
        rule = self._rules.of(row.topic)
        before = 0 if rule.keep_ms is None else self._clock.now() - rule.keep_ms
        is_old = row.first_at < before
        if row.first_seq <= upto and (is_old or (rule.keep_events is not None and row.events > rule.keep_events)):
            yield TrimEvents(row.topic, upto, before, rule.keep_events)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(EVERY_MS)
            try:
                await self.trim()
                self.trouble = None
            except StoreError as error:
                self.trouble = error  # the store may come back
